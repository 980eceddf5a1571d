#include "clickhouse/block.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <chrono>
#include <limits>

#include "bytes.hpp"
#include "clickhouse/error.hpp"
#include "clickhouse/row_reader.hpp"

namespace tributary::clickhouse {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

std::string serialised(const Block& block) {
  std::vector<std::byte> bytes;
  block.serialise(bytes);
  return text_of(bytes);
}

/// The values' bytes of a block of one column, without what says its name and type.
std::string values_of(const Block& block, const ColumnDefinition& column) {
  const auto head = 4 + column.name.size() + type_name(column).size();
  return serialised(block).substr(head);
}

/// Values of a column that was given `field`.
std::string encoded(ColumnType type, std::string_view field) {
  const ColumnDefinition column{.name = "c", .type = type};
  Block block({column});
  block.append(0, bytes_of(field));
  block.end_row();
  return values_of(block, column);
}

template <class Action>
std::string refusal(Action action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    return error.what();
  }
  return "was not refused";
}

std::string as_text(const Uuid& id) { return text_of(id.bytes); }

// Bytes that a server wrote for: SELECT toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0') AS u FORMAT Native
TEST(Block, AUuidIsTwoHalvesWithTheirLowestByteFirst) {
  Block block({{.name = "u", .type = ColumnType::uuid}});
  block.append(0, Uuid::parse("61f0c404-5cb3-11e7-907b-a6006ad3dba0")->bytes);
  block.end_row();
  EXPECT_EQ(hex(serialised(block)), "01 01 01 75 04 55 55 49 44 e7 11 b3 5c 04 c4 f0 61 a0 db d3 6a 00 a6 7b 90");
}

TEST(Block, NumbersTurnRound) {
  EXPECT_EQ(hex(encoded(ColumnType::int16, big_endian<std::int16_t>(-2))), "fe ff");
  EXPECT_EQ(hex(encoded(ColumnType::int32, big_endian(0x01020304))), "04 03 02 01");
  EXPECT_EQ(hex(encoded(ColumnType::int64, big_endian<std::int64_t>(-1))), "ff ff ff ff ff ff ff ff");
  EXPECT_EQ(hex(encoded(ColumnType::uint64, big_endian<std::int64_t>(256))), "00 01 00 00 00 00 00 00");
  EXPECT_EQ(hex(encoded(ColumnType::float64, std::string("\x3f\xf8\0\0\0\0\0\0", 8))), "00 00 00 00 00 00 f8 3f");
  EXPECT_EQ(hex(encoded(ColumnType::boolean, "\1")), "01");
}

TEST(Block, TextIsCopiedAndJsonbLosesItsVersion) {
  EXPECT_EQ(encoded(ColumnType::string, "h\u00e9"), "\3h\u00e9");
  EXPECT_EQ(encoded(ColumnType::json_text, "\1{\"a\": 1}"), "\x8{\"a\": 1}");
  EXPECT_EQ(encoded(ColumnType::string, std::string(300, 'x')), "\xac\x02" + std::string(300, 'x'));
}

struct Time {
  std::string_view what;
  std::chrono::sys_time<std::chrono::microseconds> time;
  std::int64_t milliseconds;
};

TEST(Block, TimestampsAreRoundedDownAndClamped) {
  using std::chrono::sys_days;
  using namespace std::chrono;
  const auto epoch_2000 = sys_days(2000y / 1 / 1);
  const std::vector<Time> times{
      {"PostgreSQL's epoch", epoch_2000, 946'684'800'000},
      {"1970", sys_days(1970y / 1 / 1), 0},
      {"a microsecond before 1970", sys_days(1970y / 1 / 1) - 1us, -1},
      {"999 microseconds", sys_days(1970y / 1 / 1) + 999us, 0},
      {"the earliest", sys_days(1900y / 1 / 1), -2'208'988'800'000},
      {"before it", sys_days(1900y / 1 / 1) - 1us, -2'208'988'800'000},
      {"the latest", sys_days(2300y / 1 / 1) - 1ms, 10'413'791'999'999},
      {"after it", sys_days(2300y / 1 / 1), 10'413'791'999'999},
  };
  for (const auto& [what, time, milliseconds] : times) {
    const auto field = big_endian((time - epoch_2000).count());
    EXPECT_EQ(hex(encoded(ColumnType::milliseconds, field)), hex(little_endian(milliseconds))) << what;
  }
  const auto infinity = big_endian(std::numeric_limits<std::int64_t>::max());
  const auto minus_infinity = big_endian(std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(encoded(ColumnType::milliseconds, infinity), little_endian<std::int64_t>(10'413'791'999'999));
  EXPECT_EQ(encoded(ColumnType::milliseconds, minus_infinity), little_endian<std::int64_t>(-2'208'988'800'000));
  EXPECT_EQ(encoded(ColumnType::microseconds, infinity), little_endian<std::int64_t>(10'413'791'999'999'000));
  EXPECT_EQ(encoded(ColumnType::microseconds, big_endian<std::int64_t>(-1)), little_endian<std::int64_t>(946'684'799'999'999));
}

TEST(Block, ANullIsInTheMapAndHasAZeroAmongTheValues) {
  const ColumnDefinition column{.name = "c", .type = ColumnType::int16, .nullable = true};
  Block block({column});
  block.append(0, std::nullopt);
  block.end_row();
  block.append(0, bytes_of(big_endian<std::int16_t>(7)));
  block.end_row();
  block.append_default(0);
  block.end_row();
  EXPECT_EQ(hex(values_of(block, column)), "01 00 01 00 00 07 00 00 00");
}

// Bytes that a server wrote for: SELECT toLowCardinality(toString(number % 3)) AS c FROM numbers(5) FORMAT Native, save that it puts "" before its keys
TEST(Block, ADictionaryHasEachValueOnce) {
  const ColumnDefinition column{.name = "c", .type = ColumnType::string, .low_cardinality = true};
  Block block({column});
  for (const auto* value : {"0", "1", "2", "0", "1"}) {
    block.append_text(0, value);
    block.end_row();
  }
  EXPECT_EQ(hex(values_of(block, column)),
            "01 00 00 00 00 00 00 00 00 06 00 00 00 00 00 00 03 00 00 00 00 00 00 00 01 30 01 31 01 32 "
            "05 00 00 00 00 00 00 00 00 01 02 00 01");
}

TEST(Block, ADictionaryOfNullablesKeepsItsFirstPlaceForNull) {
  const ColumnDefinition column{.name = "c", .type = ColumnType::string, .nullable = true, .low_cardinality = true};
  EXPECT_EQ(type_name(column), "LowCardinality(Nullable(String))");
  Block block({column});
  for (const auto field : {std::optional("a"), std::optional<const char*>(), std::optional("")}) {
    block.append(0, field ? std::optional(bytes_of(*field)) : std::nullopt);
    block.end_row();
  }
  EXPECT_EQ(hex(values_of(block, column)),
            "01 00 00 00 00 00 00 00 00 06 00 00 00 00 00 00 03 00 00 00 00 00 00 00 00 01 61 00 "
            "03 00 00 00 00 00 00 00 01 00 02");
}

TEST(Block, ALargeDictionaryHasWiderPositions) {
  const ColumnDefinition column{.name = "c", .type = ColumnType::string, .low_cardinality = true};
  for (const auto& [keys, width] : {std::pair(256, 1), std::pair(257, 2), std::pair(65'537, 4)}) {
    Block block({column});
    for (int key = 0; key < keys; ++key) {
      block.append_text(0, std::to_string(key));
      block.end_row();
    }
    const auto last =
        little_endian<std::uint32_t>(static_cast<std::uint32_t>(keys - 1)).substr(0, static_cast<std::size_t>(width));
    EXPECT_TRUE(serialised(block).ends_with(last)) << keys;
    EXPECT_LT(serialised(block).size(), block.bytes() + 64U + static_cast<std::size_t>(keys));
  }
}

TEST(Block, WhatDoesNotFitIsRefusedAndTakesItsRowWithIt) {
  Block block({{.name = "id", .type = ColumnType::uuid},
               {.name = "kind", .type = ColumnType::string, .low_cardinality = true},
               {.name = "at", .type = ColumnType::milliseconds, .nullable = true}});
  const auto id = Uuid::random();
  const auto begin_row = [&](std::string_view kind) {
    block.append(0, id.bytes);
    block.append(1, bytes_of(kind));
  };
  begin_row("EMAIL");
  block.append(2, std::nullopt);
  block.end_row();
  const auto before = serialised(block);

  begin_row("PHONE");
  EXPECT_THAT(refusal([&] { block.append(2, bytes_of("1234567")); }), HasSubstr("column \"at\": 7 bytes instead of 8"));
  EXPECT_EQ(serialised(block), before);
  EXPECT_THAT(refusal([&] { block.append(0, std::nullopt); }), HasSubstr("column \"id\": NULL"));
  begin_row("FAX");
  EXPECT_THAT(refusal([&] { block.end_row(); }), HasSubstr("column \"at\": not one value"));
  begin_row("FAX");
  block.append(2, std::nullopt);
  block.append(2, std::nullopt);
  EXPECT_THAT(refusal([&] { block.end_row(); }), HasSubstr("column \"at\": not one value"));
  EXPECT_THAT(refusal([&] { block.append_int64(0, 1); }), HasSubstr("column \"id\": of type UUID"));
  begin_row("FAX");
  block.discard_row();
  EXPECT_EQ(serialised(block), before);
  EXPECT_EQ(block.rows(), 1U);
}

TEST(Block, SenselessFieldsAreRefused) {
  EXPECT_THAT(refusal([] { encoded(ColumnType::json_text, ""); }), HasSubstr("jsonb"));
  EXPECT_THAT(refusal([] { encoded(ColumnType::json_text, "\2{}"); }), HasSubstr("jsonb"));
  EXPECT_THAT(refusal([] { encoded(ColumnType::boolean, "\2"); }), HasSubstr("neither"));
  EXPECT_THAT(refusal([] { encoded(ColumnType::uint64, big_endian<std::int64_t>(-1)); }), HasSubstr("negative"));
  EXPECT_THAT(refusal([] { Block block({}); }), HasSubstr("without columns"));
  EXPECT_THAT(refusal([] { Block block({{.name = "a", .type = ColumnType::uuid, .low_cardinality = true}}); }),
              HasSubstr("dictionary"));
}

TEST(Block, AnEmptyOneIsNothingAndAClearedOneIsEmpty) {
  Block block({{.name = "c", .type = ColumnType::string, .low_cardinality = true}});
  EXPECT_EQ(serialised(block), "");
  EXPECT_EQ(block.bytes(), 0U);
  block.append_text(0, "a");
  block.end_row();
  const auto one = serialised(block);
  block.clear();
  EXPECT_EQ(serialised(block), "");
  block.append_text(0, "a");
  block.end_row();
  EXPECT_EQ(serialised(block), one);
}

/// Reads what a block of one column not nullable and without dictionary has.
template <class T, class Read>
void reads_back(const std::vector<T>& values, ColumnType type, std::string (*field)(const T&), Read read) {
  const ColumnDefinition column{.name = "c", .type = type};
  Block block({column});
  for (const auto& value : values) {
    block.append(0, bytes_of(field(value)));
    block.end_row();
  }
  if (values.empty()) return RC_ASSERT(serialised(block).empty());
  const auto row_count_bytes = values.size() < 0x80 ? 1U : 2U;
  const auto all = serialised(block).substr(1 + row_count_bytes + 2 + column.name.size() + type_name(column).size());
  RowReader reader(bytes_of(all));
  for (const auto& value : values) RC_ASSERT(read(reader) == value);
  RC_ASSERT(!reader.more());
}

RC_GTEST_PROP(Block, TextsReadBack, (const std::vector<std::string>& values)) {
  reads_back<std::string>(
      values, ColumnType::string, [](const std::string& value) { return value; },
      [](RowReader& reader) { return reader.string(); });
}

RC_GTEST_PROP(Block, NumbersReadBack, (const std::vector<std::int64_t>& values)) {
  reads_back<std::int64_t>(
      values, ColumnType::int64, [](const std::int64_t& value) { return big_endian(value); },
      [](RowReader& reader) { return reader.int64(); });
}

RC_GTEST_PROP(Block, UuidsReadBack, (const std::vector<std::array<std::uint8_t, 16>>& raw)) {
  std::vector<Uuid> values;
  for (const auto& each : raw) values.push_back(Uuid::from_bytes(std::as_bytes(std::span(each))));
  reads_back<Uuid>(values, ColumnType::uuid, as_text, [](RowReader& reader) { return reader.uuid(); });
}

RC_GTEST_PROP(Block, EveryTimestampIsWithinTheRangeAndNeverLater, (std::int64_t microseconds)) {
  const auto all = encoded(ColumnType::milliseconds, big_endian(microseconds));
  const auto value = RowReader(bytes_of(all)).int64();
  RC_ASSERT(value >= -2'208'988'800'000 && value <= 10'413'791'999'999);
  const auto exact = static_cast<__int128>(microseconds) + 946'684'800'000'000;
  if (value > -2'208'988'800'000) RC_ASSERT(static_cast<__int128>(value) * 1000 <= exact);
  if (value < 10'413'791'999'999) RC_ASSERT(static_cast<__int128>(value) * 1000 + 999 >= exact);
}

RC_GTEST_PROP(Block, ARefusedRowLeavesNoTrace, (const std::vector<std::pair<std::string, bool>>& rows)) {
  const std::vector<ColumnDefinition> columns{
      {.name = "a", .type = ColumnType::string},
      {.name = "b", .type = ColumnType::string, .nullable = true, .low_cardinality = true},
      {.name = "c", .type = ColumnType::int32, .nullable = true}};
  Block with_refused(columns);
  Block without(columns);
  const auto append = [](Block& block, const std::string& text, std::string_view number) {
    block.append_text(0, text);
    block.append(1, bytes_of(text));
    block.append(2, bytes_of(number));
    block.end_row();
  };
  for (const auto& [text, fits] : rows) {
    if (fits) {
      append(without, text, "1234");
      append(with_refused, text, "1234");
    } else {
      RC_ASSERT_THROWS_AS(append(with_refused, text, "12345"), Error);
    }
  }
  RC_ASSERT(serialised(with_refused) == serialised(without));
}

}  // namespace
}  // namespace tributary::clickhouse
