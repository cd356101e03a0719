// One append-only file of the disk tier.
#pragma once

#include <memory>
#include <string>

#include "common/result.h"
#include "plugins/llm/kv_disk/record.h"

namespace serval::llm {

// Appending: one thread. Reading what was appended before: any thread.
class Segment {
 public:
  // Files live in the folder of this descriptor, under a name made of the header's number.
  static Result<std::shared_ptr<Segment>> create(int folder, const SegmentHeader& header);
  // Errors: data_loss if the file is not one of ours, is damaged, or was written for something else
  // than `header` (its number included).
  static Result<std::shared_ptr<Segment>> open(int folder, const SegmentHeader& header);
  static std::string name(uint64_t number);

  ~Segment();
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  uint64_t number() const { return header_.number; }
  uint64_t bytes() const { return kSegmentHeaderBytes + uint64_t(records_) * record_bytes(); }
  uint64_t record_bytes() const { return kRecordHeadBytes + header_.block_bytes; }
  // Whole records. What a crash has left behind the last one does not count.
  int records() const { return records_; }

  // The head of a record, or nothing where it is damaged.
  std::optional<RecordHead> head(int record) const;
  // The block too. False: damaged.
  bool read(int record, RecordHead& head, std::span<std::byte> block) const;
  // block: header.block_bytes. Nothing is left of a record that could not be written whole.
  Status append(const RecordHead& head, std::span<const std::byte> block);

 private:
  Segment(int file, const SegmentHeader& header) : file_(file), header_(header) {}
  uint64_t offset(int record) const {
    return kSegmentHeaderBytes + uint64_t(record) * record_bytes();
  }

  int file_;
  SegmentHeader header_;
  int records_ = 0;
};

}  // namespace serval::llm
