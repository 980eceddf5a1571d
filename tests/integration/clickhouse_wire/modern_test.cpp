#include <chrono>

#include "clickhouse/row_reader.hpp"
#include "fixture.hpp"
#include "server.hpp"

namespace tributary::clickhouse {
namespace {

using testing::HasSubstr;

/// What servers of today have besides.
class ModernTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string why_not;
    server_ = Server::start(ServerKind::embedded, why_not);
    if (!server_) GTEST_SKIP() << why_not;
  }
  std::unique_ptr<Server> server_;
};

TEST_F(ModernTest, ParametersArriveAsTheyWereGiven) {
  test::run([&]() -> asio::awaitable<void> {
    Client client(co_await asio::this_coro::executor, server_->options());
    const std::string nasty = "tab\t line\n quote' back\\slash \\N \\' {x:String} \u00e9 %41&b=";
    const auto id = Uuid::random();
    const std::vector<std::string> texts{"it's", "a,b]", "\\", ""};
    const std::vector<Uuid> ids{id, Uuid{}};
    const std::vector<std::int64_t> numbers{-1, INT64_MAX};
    const auto time = std::chrono::sys_days(std::chrono::year(2024) / 2 / 29) + 12h + 34min + 56s + 789'123us;
    const Query query{.text =
                          "SELECT {s:String}, {i:Int64}, {u:UUID}, {b:UInt8}, {f:Float64}, {ms:DateTime64(3, 'UTC')}, "
                          "{us:DateTime64(6, 'UTC')}, "
                          "{n:Nullable(String)}, arrayStringConcat({as:Array(String)}, '|'), length({au:Array(UUID)}), "
                          "has({au:Array(UUID)}, {u:UUID}), "
                          "arraySum({ai:Array(Int64)}) FORMAT RowBinary",
                      .params = Params()
                                    .add("s", nasty)
                                    .add("i", INT64_MIN)
                                    .add("u", id)
                                    .add("b", true)
                                    .add("f", 0.1)
                                    .add("ms", std::chrono::floor<std::chrono::milliseconds>(time))
                                    .add("us", time)
                                    .add_null("n")
                                    .add("as", std::span(texts))
                                    .add("au", std::span(ids))
                                    .add("ai", std::span(numbers))};
    const auto result = co_await client.execute(query, soon());
    RowReader row(result.body);
    EXPECT_EQ(row.string(), nasty);
    EXPECT_EQ(row.int64(), INT64_MIN);
    EXPECT_EQ(row.uuid(), id);
    EXPECT_EQ(row.uint8(), 1);
    EXPECT_EQ(row.float64(), 0.1);
    EXPECT_EQ(row.int64(), 1'709'210'096'789);
    EXPECT_EQ(row.int64(), 1'709'210'096'789'123);
    EXPECT_TRUE(row.null());
    EXPECT_EQ(row.string(), "it's|a,b]|\\|");
    EXPECT_EQ(row.uint64(), 2U);
    EXPECT_EQ(row.uint8(), 1);
    EXPECT_EQ(row.int64(), INT64_MAX - 1);
    EXPECT_FALSE(row.more());
    const auto error =
        co_await error_of(client.execute({.text = "SELECT {a:Int64}", .params = Params().add("a", "1 OR 1")}, soon()));
    EXPECT_EQ(error.kind(), ErrorKind::server);
    EXPECT_EQ((co_await error_of(client.execute({.text = "SELECT {a:Int64}"}, soon()))).code(), 456);
  });
}

TEST_F(ModernTest, BodiesArePackedBothWays) {
  test::run([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    std::string rows;
    for (int i = 0; i < 300'000; ++i) rows += std::to_string(i) + '\n';
    int table = 0;
    for (const auto method : {Compression::lz4, Compression::zstd}) {
      auto options = server_->options();
      options.compression = method;
      Client client(executor, options);
      const auto name = "packed_" + std::to_string(table++);
      co_await client.execute({.text = "CREATE TABLE " + name + " (n UInt64) ENGINE = Memory"}, soon());
      co_await client.execute({.text = "INSERT INTO " + name + " FORMAT TabSeparated", .data = std::as_bytes(std::span(rows))},
                              soon());
      const auto back = co_await client.execute({.text = "SELECT n FROM " + name + " ORDER BY n FORMAT TabSeparated"}, soon());
      EXPECT_TRUE(back.text() == rows);
      const auto error = co_await error_of(client.execute({.text = "SELEC"}, soon()));
      EXPECT_EQ(error.code(), 62) << "a refusal is packed too";
      const Query breaks{.text = "SELECT throwIf(number = 4000000) FROM numbers(10000000) FORMAT RowBinary",
                         .settings = {{"max_block_size", "10000"}, {"max_threads", "1"}},
                         .max_answer_bytes = 100'000'000};
      // The host breaks a packed answer off without a word: whatever it says, the answer must not pass for a whole one.
      const auto broken = co_await error_of(client.execute(breaks, soon()));
      EXPECT_TRUE(broken.code() == 395 || broken.kind() == ErrorKind::connection) << broken.what();
    }
  });
}

TEST_F(ModernTest, TheServerCountsAndNamesItsAnswers) {
  test::run([&]() -> asio::awaitable<void> {
    Client client(co_await asio::this_coro::executor, server_->options());
    auto answer = co_await client.start({.text = "SELECT 1 AS a FORMAT JSONEachRow", .query_id = "counted-1"}, soon());
    EXPECT_EQ(answer.format(), "JSONEachRow");
    EXPECT_EQ(answer.query_id(), "counted-1");
    const auto counted = co_await client.execute(
        {.text = "SELECT sum(number) FROM numbers(1000)", .settings = {{"wait_end_of_query", "1"}}}, soon());
    EXPECT_EQ(counted.summary.read_rows, 1'000U);
  });
}

}  // namespace
}  // namespace tributary::clickhouse
