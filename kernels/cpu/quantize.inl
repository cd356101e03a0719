// Below this a block counts as zero: 127 / peak would overflow.
constexpr float kSmallestPeak = 1e-30f;

void quantize_block(const float* x, QuantRecord& record) {
  Vec peaks = Vec::zero();
  for (int i = 0; i < 32; i += Vec::width) peaks = greater(abs(Vec::load(x + i)), peaks);
  const float peak = max_lane(peaks);
  const bool live = peak > kSmallestPeak;
  const Vec inverse = Vec::set(live ? 127.0f / peak : 0.0f);
  int total = 0, low = 0;
  for (int i = 0; i < 32; i += Vec::width) {
    total += store_int8(Vec::load(x + i) * inverse, record.q + i);
    if (i + Vec::width == 16) low = total;
  }
  record.scale = live ? peak / 127.0f : 0.0f;
  record.scaled_sum = record.scale * float(total);
  record.minus_sum = -total;
  record.minus_sum_low = -low;
}

void quantize_rows(const QuantizeRows& a) {
  const int64_t blocks = a.cols / kBlockCols;
  for (int t = a.token_begin; t < a.token_end; ++t) {
    const QuantTile tile = quant_tile(t / kTileTokens, a.tokens, blocks);
    QuantRecord* record = static_cast<QuantRecord*>(a.out) + tile.first_record + t % kTileTokens;
    const float* x = a.x + t * a.x_stride;
    for (int64_t b = 0; b < blocks; ++b, record += tile.tokens, x += kBlockCols)
      quantize_block(x, *record);
  }
}
