#include "postgres/detail/copy_stream.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "bytes.hpp"
#include "postgres/error.hpp"

namespace tributary::postgres {
namespace {

using Tuple = std::vector<std::optional<std::string>>;

rc::Gen<Tuple> any_tuple() {
  const auto text =
      rc::gen::map(rc::gen::arbitrary<std::string>(), [](std::string value) { return std::optional(std::move(value)); });
  return rc::gen::container<Tuple>(rc::gen::oneOf(text, rc::gen::just(std::optional<std::string>())));
}

std::vector<std::byte> encoded(const Tuple& tuple) {
  std::vector<std::byte> out;
  append_int16(out, static_cast<std::int16_t>(tuple.size()));
  for (const auto& field : tuple) {
    append_int32(out, field ? static_cast<std::int32_t>(field->size()) : -1);
    if (field) out.insert(out.end(), bytes(*field).begin(), bytes(*field).end());
  }
  return out;
}

Tuple decoded(std::span<const std::byte> row) {
  TupleView view(row);
  Tuple tuple(view.fields());
  for (auto& field : tuple) {
    if (const auto raw = view.next()) field = std::string(reinterpret_cast<const char*>(raw->data()), raw->size());
  }
  EXPECT_TRUE(view.rest().empty());
  return tuple;
}

void append(std::vector<std::byte>& out, std::span<const std::byte> more) { out.insert(out.end(), more.begin(), more.end()); }

std::vector<std::byte> header() { return copy(bytes(detail::kCopyHeader)); }

bool refuses(detail::CopyStream& stream, std::span<const std::byte> message) {
  CopyBatch batch;
  try {
    stream.take(message, batch);
    return false;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::protocol);
    return true;
  }
}

RC_GTEST_PROP(CopyStream, RowsComeOutAsTheyWentInHoweverManyAMessageHolds, ()) {
  const auto tuples = *rc::gen::container<std::vector<Tuple>>(any_tuple());
  detail::CopyStream stream;
  CopyBatch batch;
  auto message = header();
  for (const auto& tuple : tuples) {
    append(message, encoded(tuple));
    if (!*rc::gen::arbitrary<bool>()) continue;
    stream.take(message, batch);
    message.clear();
  }
  append(message, bytes(detail::kCopyTrailer));
  stream.take(message, batch);
  RC_ASSERT(stream.complete());
  RC_ASSERT(batch.rows() == tuples.size());
  for (std::size_t i = 0; i < tuples.size(); ++i) RC_ASSERT(decoded(batch.row(i)) == tuples[i]);
}

RC_GTEST_PROP(CopyStream, AMessageCutInsideOfARowIsRefused, ()) {
  auto message = header();
  append(message, encoded(*any_tuple()));
  const auto cut = *rc::gen::inRange<std::size_t>(0, message.size());
  detail::CopyStream stream;
  const auto part = copy(std::span(message).first(cut));
  RC_ASSERT(refuses(stream, part) == (cut != detail::kCopyHeader.size()));
}

RC_GTEST_PROP(CopyStream, RandomBytesAreRefusedOrRead, ()) {
  auto message = header();
  const auto noise = *rc::gen::container<std::vector<std::uint8_t>>(rc::gen::weightedOneOf<std::uint8_t>(
      {{3, rc::gen::just<std::uint8_t>(0)}, {2, rc::gen::inRange<std::uint8_t>(0, 5)}, {1, rc::gen::arbitrary<std::uint8_t>()}}));
  append(message, std::as_bytes(std::span(noise)));
  detail::CopyStream stream;
  CopyBatch batch;
  try {
    stream.take(message, batch);
  } catch (const Error&) {
  }
  RC_ASSERT(batch.size_bytes() <= noise.size());
}

TEST(CopyStream, RefusesWhatIsNotBinaryFormat) {
  detail::CopyStream text;
  EXPECT_TRUE(refuses(text, bytes("1\tone line of the text format\n")));
  detail::CopyStream with_oids;
  auto message = header();
  message[12] = std::byte{1};  // a critical flag: OIDs, of a server before version 12
  EXPECT_TRUE(refuses(with_oids, message));
}

TEST(CopyStream, SkipsAHeaderExtension) {
  auto message = header();
  message[18] = std::byte{3};
  append(message, bytes("abc"));
  append(message, encoded({"x"}));
  detail::CopyStream stream;
  CopyBatch batch;
  stream.take(message, batch);
  EXPECT_EQ(batch.rows(), 1U);
  message[18] = std::byte{200};
  detail::CopyStream another;
  EXPECT_TRUE(refuses(another, message));
}

TEST(CopyStream, NothingMayFollowTheTrailer) {
  detail::CopyStream stream;
  auto message = header();
  append(message, bytes(detail::kCopyTrailer));
  CopyBatch batch;
  stream.take(message, batch);
  EXPECT_TRUE(stream.complete());
  EXPECT_TRUE(refuses(stream, encoded({"x"})));
}

TEST(CopyBatch, KeepsItsMemoryWhenCleared) {
  CopyBatch batch;
  batch.append_row(encoded({std::string(10'000, 'x')}));
  const auto* memory = batch.bytes().data();
  batch.clear();
  EXPECT_TRUE(batch.empty());
  EXPECT_EQ(batch.size_bytes(), 0U);
  batch.append_row(encoded({"y"}));
  EXPECT_EQ(batch.bytes().data(), memory);
  EXPECT_EQ(decoded(batch.row(0)), Tuple{"y"});
}

TEST(TupleView, RefusesLengthsThatDoNotFit) {
  EXPECT_THROW(TupleView(bytes({0})), Error);
  EXPECT_THROW(TupleView(bytes({0xFF, 0xFF})), Error);
  const auto too_long = bytes({0, 1, 0, 0, 0, 2, 'a'});
  EXPECT_THROW(TupleView(too_long).next(), Error);
  const auto negative = bytes({0, 1, 0xFF, 0xFF, 0xFF, 0xFE});
  EXPECT_THROW(TupleView(negative).next(), Error);
  EXPECT_THROW(read_int64(bytes("1234567")), Error);
  EXPECT_THROW(read_bool(bytes("")), Error);
}

}  // namespace
}  // namespace tributary::postgres
