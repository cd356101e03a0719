// `arrived` of the kit's own host: what a plugin is given of an upload, and what it must not see.
#include <algorithm>
#include <serval/ext/draft/input_stream.h>

#include "kit_host.h"

namespace serval::sdk {
namespace {

constexpr std::string_view kBytes = "twelve bytes";

struct KitUpload : KitHost {
  const serval_ext_input_stream& input = *static_cast<const serval_ext_input_stream*>(
      kit.table()->get_ext(kit.table(), SERVAL_EXT_INPUT_STREAM));
  serval_request* handle = nullptr;
  const void* data = nullptr;
  uint64_t size = 0;

  void pull_one(check::Arrival arrival, bool arriving) {
    stream = kit.submit(model, {"op", "{}", {std::string(kBytes)}, 0, arrival},
                        check::Stream::kUnlimited, 0, arriving);
    const serval_budget budget{sizeof(budget), 1, 0, 0};
    ASSERT_EQ(kit.table()->pull(model.ref(), &budget, &handle, 1), 1);
  }
  serval_status arrived(uint64_t wanted) { return input.arrived(handle, wanted, &data, &size); }
  bool feed(std::size_t bytes, bool end) {
    return kit.locked([&] { return stream->feed(bytes, end); });
  }
  void finish() {
    const serval_finish how{sizeof(how), SERVAL_OK, nullptr, {}};
    kit.table()->finish(handle, &how);
  }
  std::string_view given() const { return {static_cast<const char*>(data), std::size_t(size)}; }
  // All of the memory the input will have.
  std::string_view memory() const { return {static_cast<const char*>(data), kBytes.size()}; }
};

TEST_F(KitUpload, GrowsInPlaceAndHidesWhatHasNotCome) {
  pull_one(check::Arrival::uploaded, true);
  EXPECT_EQ(kit.table()->view(handle)->inputs[0].len, 0u);
  ASSERT_EQ(arrived(0), SERVAL_OK);
  const void* const place = data;
  EXPECT_EQ(size, 0u);
  feed(6, false);
  ASSERT_EQ(arrived(1), SERVAL_OK);
  EXPECT_EQ(data, place);
  EXPECT_EQ(given(), "twelve");
  EXPECT_EQ(memory(), "twelve" + std::string(6, check::Stream::kNoByte));
  feed(6, true);
  ASSERT_EQ(arrived(100), SERVAL_OUT_OF_RANGE);
  EXPECT_EQ(data, place);
  EXPECT_EQ(given(), kBytes);
}

TEST_F(KitUpload, SignalsOnceWhenSoManyHaveCome) {
  pull_one(check::Arrival::uploaded, true);
  EXPECT_FALSE(feed(2, false));  // nobody has asked
  ASSERT_EQ(arrived(2), SERVAL_OK);
  EXPECT_FALSE(feed(1, false));  // what was asked for was there
  ASSERT_EQ(arrived(6), SERVAL_OK);
  EXPECT_FALSE(feed(2, false));
  EXPECT_TRUE(feed(2, false));
  EXPECT_FALSE(feed(1, false));
  ASSERT_EQ(arrived(1000), SERVAL_OK);
  EXPECT_TRUE(feed(0, true));
  EXPECT_EQ(arrived(1000), SERVAL_OUT_OF_RANGE);
}

TEST_F(KitUpload, IsNoStreamAndNoStreamIsOne) {
  char to[4];
  uint64_t n = 1;
  pull_one(check::Arrival::uploaded, false);
  EXPECT_EQ(input.read(handle, to, sizeof(to), &n), SERVAL_FAILED_PRECONDITION);
  pull_one(check::Arrival::streamed, false);
  EXPECT_EQ(arrived(1), SERVAL_FAILED_PRECONDITION);
  pull_one(check::Arrival::whole, false);
  EXPECT_EQ(arrived(1), SERVAL_FAILED_PRECONDITION);
  EXPECT_EQ(input.read(handle, to, sizeof(to), &n), SERVAL_FAILED_PRECONDITION);
  EXPECT_EQ(first_violation(), "");
}

TEST_F(KitUpload, GivesNothingToACancelledRequest) {
  pull_one(check::Arrival::uploaded, false);
  stream->cancel_word = SERVAL_CANCEL_CLIENT;
  size = 1;
  EXPECT_EQ(arrived(1), SERVAL_CANCELLED);
  EXPECT_EQ(size, 0u);
}

TEST_F(KitUpload, IsOverWithFinish) {
  pull_one(check::Arrival::uploaded, false);
  ASSERT_EQ(arrived(1), SERVAL_OUT_OF_RANGE);
  const std::string_view kept = given();
  finish();
  EXPECT_EQ(kept, std::string(kBytes.size(), check::Stream::kNoByte));
  EXPECT_EQ(first_violation(), "");
  EXPECT_EQ(arrived(1), SERVAL_INVALID_ARGUMENT);
  EXPECT_EQ(first_violation(), "no_use_after_finish");
}

}  // namespace
}  // namespace serval::sdk
