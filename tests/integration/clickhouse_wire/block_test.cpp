#include "clickhouse/block.hpp"

#include "clickhouse/row_reader.hpp"
#include "fixture.hpp"
#include "mapping/types.hpp"
#include "server.hpp"

namespace tributary::clickhouse {
namespace {

std::string big_endian(std::int64_t value, std::size_t size) {
  std::string bytes;
  for (std::size_t i = size; i-- > 0;) bytes += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i));
  return bytes;
}

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

/// A column, a field for it as PostgreSQL sends it, and how the server writes that value.
struct Sample {
  ColumnDefinition column;
  std::optional<std::string> field;
  std::string text;
};

std::vector<Sample> samples(bool old_server) {
  const std::string uuid = "61f0c404-5cb3-11e7-907b-a6006ad3dba0";
  const auto id = Uuid::parse(uuid)->bytes;
  std::vector<Sample> all{
      {{"s", ColumnType::string}, "a\tb", "a\\tb"},
      {{"j", ColumnType::json_text}, "\1{\"a\": 1}", "{\"a\": 1}"},
      {{"u", ColumnType::uuid}, std::string(reinterpret_cast<const char*>(id.data()), id.size()), uuid},
      {{"b", ColumnType::boolean}, "\1", "1"},
      {{"i16", ColumnType::int16}, big_endian(-2, 2), "-2"},
      {{"i32", ColumnType::int32}, big_endian(-3, 4), "-3"},
      {{"i64", ColumnType::int64}, big_endian(-4, 8), "-4"},
      {{"u64", ColumnType::uint64}, big_endian(5, 8), "5"},
      {{"f", ColumnType::float64}, std::string("\x3f\xf8\0\0\0\0\0\0", 8), "1.5"},
      {{"l", ColumnType::string, false, true}, "EMAIL", "EMAIL"},
      {{"ln", ColumnType::string, true, true}, "EMAIL", "EMAIL"},
      {{"ln0", ColumnType::string, true, true}, std::nullopt, "\\N"},
      {{"sn", ColumnType::string, true}, "x", "x"},
      {{"sn0", ColumnType::string, true}, std::nullopt, "\\N"},
      {{"un0", ColumnType::uuid, true}, std::nullopt, "\\N"},
  };
  if (old_server) return all;
  // 2024-02-29 12:34:56.789999
  const auto time = big_endian(762'525'296'789'999, 8);
  all.push_back({{"ms", ColumnType::milliseconds}, time, "2024-02-29 12:34:56.789"});
  all.push_back({{"us", ColumnType::microseconds}, time, "2024-02-29 12:34:56.789999"});
  all.push_back({{"early", ColumnType::milliseconds}, big_endian(INT64_MIN, 8), "1900-01-01 00:00:00.000"});
  all.push_back({{"late", ColumnType::milliseconds}, big_endian(INT64_MAX, 8), "2299-12-31 23:59:59.999"});
  all.push_back({{"msn0", ColumnType::milliseconds, true}, std::nullopt, "\\N"});
  return all;
}

class BlockWireTest : public testing::TestWithParam<ServerKind> {
 protected:
  void SetUp() override {
    std::string why_not;
    server_ = Server::start(GetParam(), why_not);
    if (!server_) GTEST_SKIP() << why_not;
  }
  bool is_old() const { return GetParam() == ServerKind::debian; }
  std::unique_ptr<Server> server_;
};

TEST_P(BlockWireTest, EveryTypeReadsBackAsItWasSent) {
  const auto all = samples(is_old());
  std::vector<ColumnDefinition> columns;
  std::string table;
  std::string expected;
  for (const auto& [column, field, text] : all) {
    columns.push_back(column);
    table += (table.empty() ? "" : ", ") + column.name + ' ' + type_name(column);
    expected += (expected.empty() ? "" : "\t") + text;
  }
  Block block(columns);
  for (int row = 0; row < 3; ++row) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      block.append(i, all[i].field ? std::optional(bytes_of(*all[i].field)) : std::nullopt);
    }
    block.end_row();
  }
  for (std::size_t i = 0; i < all.size(); ++i) block.append_default(i);
  block.end_row();
  std::vector<std::byte> bytes;
  block.serialise(bytes);

  test::run([&]() -> asio::awaitable<void> {
    Client client(co_await asio::this_coro::executor, server_->options());
    co_await client.execute({.text = "CREATE TABLE every_type (" + table + ") ENGINE = Memory"}, soon());
    const auto inserted = co_await client.execute(
        {.text = "INSERT INTO every_type FORMAT Native", .data = std::span<const std::byte>(bytes)}, soon());
    if (!is_old()) EXPECT_EQ(inserted.summary.written_rows, 4U);
    const auto text = co_await text_of(client, {.text = "SELECT * FROM every_type FORMAT TabSeparated"});
    expected += '\n';
    EXPECT_TRUE(text.starts_with(expected + expected + expected)) << text;
    const auto defaults =
        co_await text_of(client, {.text = "SELECT s, j, u, b, i64, l, ln, sn FROM every_type WHERE i64 = 0 FORMAT TabSeparated"});
    EXPECT_EQ(defaults, "\t\t00000000-0000-0000-0000-000000000000\t0\t0\t\t\\N\t\\N\n");
  });
}

TEST_P(BlockWireTest, RowsAreStreamedBlockByBlockAndReadBackInBinary) {
  constexpr int kBlocks = 50;
  constexpr int kRows = 2'000;
  test::run([&]() -> asio::awaitable<void> {
    Client client(co_await asio::this_coro::executor, server_->options());
    co_await client.execute(
        {.text = "CREATE TABLE many (n Int64, kind LowCardinality(String), name Nullable(String)) ENGINE = Memory"}, soon());
    Block block({{"n", ColumnType::int64}, {"kind", ColumnType::string, false, true}, {"name", ColumnType::string, true}});
    std::vector<std::byte> bytes;
    int made = 0;
    const DataSource source = [&]() -> asio::awaitable<std::span<const std::byte>> {
      bytes.clear();
      block.clear();
      for (int row = 0; row < kRows && made < kBlocks * kRows; ++row, ++made) {
        block.append_int64(0, made);
        block.append_text(1, made % 3 == 0 ? "fizz" : "other");
        if (made % 5 == 0)
          block.append(2, std::nullopt);
        else
          block.append_text(2, "name");
        block.end_row();
      }
      block.serialise(bytes);
      co_return bytes;
    };
    co_await client.execute({.text = "INSERT INTO many FORMAT Native", .data = source}, soon());

    const auto result = co_await client.execute({.text = "SELECT n, kind, name FROM many ORDER BY n FORMAT RowBinary"}, soon());
    RowReader reader(result.body);
    int wrong = 0;
    for (int n = 0; n < kBlocks * kRows; ++n) {
      const bool same_number = reader.int64() == n;
      const bool same_kind = reader.string() == (n % 3 == 0 ? "fizz" : "other");
      const bool is_null = reader.null();
      const bool same_name = is_null ? n % 5 == 0 : reader.string() == "name";
      if (!same_number || !same_kind || !same_name) ++wrong;
    }
    EXPECT_EQ(wrong, 0);
    EXPECT_FALSE(reader.more());
  });
}

TEST_P(BlockWireTest, DataThatIsCutOffIsNotInserted) {
  test::run([&]() -> asio::awaitable<void> {
    Client client(co_await asio::this_coro::executor, server_->options());
    co_await client.execute({.text = "CREATE TABLE cut (n Int64) ENGINE = Memory"}, soon());
    Block block({{"n", ColumnType::int64}});
    for (int n = 0; n < 1'000; ++n) {
      block.append_int64(0, n);
      block.end_row();
    }
    std::vector<std::byte> bytes;
    block.serialise(bytes);
    const auto half = std::span<const std::byte>(bytes).first(bytes.size() / 2);
    const auto error = co_await error_of(client.execute({.text = "INSERT INTO cut FORMAT Native", .data = half}, soon()));
    EXPECT_EQ(error.kind(), ErrorKind::server);
    bool asked = false;
    const DataSource failing = [&]() -> asio::awaitable<std::span<const std::byte>> {
      if (std::exchange(asked, true)) throw std::logic_error("the source broke");
      co_return half;
    };
    bool thrown = false;
    try {
      co_await client.execute({.text = "INSERT INTO cut FORMAT Native", .data = failing}, soon());
    } catch (const std::logic_error&) {
      thrown = true;
    }
    EXPECT_TRUE(thrown) << "what a source throws comes out";
    EXPECT_EQ(client.counts().lent, 0U);
    EXPECT_EQ(co_await text_of(client, {.text = "SELECT count() FROM cut FORMAT TabSeparated"}), "0\n");
  });
}

INSTANTIATE_TEST_SUITE_P(Servers, BlockWireTest, testing::Values(ServerKind::debian, ServerKind::embedded),
                         [](const auto& info) { return to_string(info.param); });

TEST(ColumnTypes, CoverEveryTypeOfMappings) {
  const std::map<mapping::ColumnType, ColumnType> column_types{
      {mapping::ColumnType::uuid, ColumnType::uuid},
      {mapping::ColumnType::text, ColumnType::string},
      {mapping::ColumnType::boolean, ColumnType::boolean},
      {mapping::ColumnType::smallint, ColumnType::int16},
      {mapping::ColumnType::integer, ColumnType::int32},
      {mapping::ColumnType::bigint, ColumnType::int64},
      {mapping::ColumnType::double_precision, ColumnType::float64},
      {mapping::ColumnType::timestamp, ColumnType::milliseconds},
      {mapping::ColumnType::timestamptz, ColumnType::milliseconds},
      {mapping::ColumnType::jsonb, ColumnType::json_text},
  };
  for (const auto& type : mapping::all_types()) {
    ASSERT_TRUE(column_types.contains(type.type)) << type.name;
    EXPECT_EQ(type_name({.type = column_types.at(type.type)}), type.clickhouse_name);
  }
}

}  // namespace
}  // namespace tributary::clickhouse
