// Below this a run counts as zero: 127 / peak would overflow.
constexpr float kSmallestPeak = 1e-30f;

// n: columns of this run, a multiple of 32.
void quantize_run(const float* x, int n, QuantRecord& record) {
  Vec peaks = Vec::zero();
  for (int i = 0; i < n; i += Vec::width) peaks = greater(abs(Vec::load(x + i)), peaks);
  const float peak = max_lane(peaks);
  const bool live = peak > kSmallestPeak;
  const Vec inverse = Vec::set(live ? 127.0f / peak : 0.0f);
  record.scale = live ? peak / 127.0f : 0.0f;
  for (int32_t& word : record.unused) word = 0;
  for (int block = 0; block < kRecordBlocks; ++block) {
    int total = 0, low = 0;
    for (int i = 0; i < 32; i += Vec::width) {
      const int at = block * 32 + i;
      total += store_int8(at < n ? Vec::load(x + at) * inverse : Vec::zero(), record.q + at);
      if (i + Vec::width == 16) low = total;
    }
    record.minus_sum[block] = -total;
    record.minus_sum_low[block] = -low;
    record.sums[block] = f32_to_bf16(float(total));
  }
}

void quantize_rows(const QuantizeRows& a) {
  const int64_t records = records_of(a.cols);
  for (int t = a.token_begin; t < a.token_end; ++t) {
    const QuantTile tile = quant_tile(t / kTileTokens, a.tokens, records);
    QuantRecord* record = static_cast<QuantRecord*>(a.out) + tile.first_record + t % kTileTokens;
    const float* x = a.x + t * a.x_stride;
    for (int64_t run = 0; run < records; ++run, record += tile.tokens, x += kRecordCols) {
      const int64_t left = a.cols - run * kRecordCols;
      quantize_run(x, left < kRecordCols ? int(left) : kRecordCols, *record);
    }
  }
}
