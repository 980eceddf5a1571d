#include "postgres/copy.hpp"

#include "fixture.hpp"
#include "postgres/transaction.hpp"

namespace tributary::postgres {
namespace {

constexpr std::size_t kBatch = 256 * 1024;
constexpr auto kChecksum = "SELECT count(*) || ':' || sum(hashtext(t::text)::bigint) FROM ";

/// One binary tuple of one bigint.
void append_row(CopyBatch& batch, std::int64_t value) {
  std::vector<std::byte> row;
  append_int16(row, 1);
  append_int32(row, 8);
  for (int shift = 56; shift >= 0; shift -= 8) row.push_back(static_cast<std::byte>(value >> shift));
  batch.append_row(row);
}

class CopyTest : public testing::Test {
 protected:
  asio::awaitable<Connection> open() { return Connection::open(database_.options(), soon()); }

  test::Database database_;
  test::Session session_ = database_.session();
};

TEST_F(CopyTest, RowsPassFromReaderToWriterUnchanged) {
  session_.run(R"(
    CREATE TABLE one (id bigint, a uuid, b text, c timestamptz, d jsonb);
    INSERT INTO one SELECT i, CASE WHEN i % 3 > 0 THEN gen_random_uuid() END, repeat('x', (i % 200)::int), clock_timestamp(), jsonb_build_object('i', i)
      FROM generate_series(1, 200000) i;
    CREATE TABLE two (LIKE one))");
  test::run([&]() -> asio::awaitable<void> {
    auto source = co_await open();
    auto target = co_await open();
    auto reader = co_await CopyReader::start(source, "COPY one TO STDOUT (FORMAT binary)", soon());
    auto writer = co_await CopyWriter::start(target, "COPY two FROM STDIN (FORMAT binary)", soon());
    CopyBatch batch;
    std::size_t rows = 0;
    while (co_await reader.read(batch, kBatch, soon())) {
      EXPECT_FALSE(batch.empty());
      EXPECT_LT(batch.size_bytes(), kBatch + 1000);
      rows += batch.rows();
      co_await writer.write(batch.bytes(), soon());
    }
    EXPECT_TRUE(batch.empty());
    EXPECT_EQ(rows, 200'000U);
    EXPECT_EQ(co_await writer.finish(soon()), 200'000U);
    EXPECT_TRUE(source.usable());
    EXPECT_TRUE(target.usable());
    EXPECT_FALSE(co_await reader.read(batch, kBatch, soon())) << "the end stays the end";
  });
  EXPECT_EQ(session_.value(std::string(kChecksum) + "one t"), session_.value(std::string(kChecksum) + "two t"));
}

TEST_F(CopyTest, PartsOfRowsMayBeWritten) {
  session_.run("CREATE TABLE one (id bigint)");
  test::run([&]() -> asio::awaitable<void> {
    auto connection = co_await open();
    auto writer = co_await CopyWriter::start(connection, "COPY one FROM STDIN (FORMAT binary)", soon());
    CopyBatch batch;
    append_row(batch, 7);
    append_row(batch, -8);
    for (const auto& byte : batch.bytes()) co_await writer.write(std::span(&byte, 1), soon());
    EXPECT_EQ(co_await writer.finish(soon()), 2U);
    EXPECT_EQ((co_await error_of(writer.finish(soon()))).kind(), ErrorKind::usage);
  });
  EXPECT_EQ(session_.value("SELECT string_agg(id::text, ',') FROM one"), "7,-8");
}

TEST_F(CopyTest, AnEmptyTableIsTheEndAtOnce) {
  session_.run("CREATE TABLE one (id bigint)");
  test::run([&]() -> asio::awaitable<void> {
    auto connection = co_await open();
    auto reader = co_await CopyReader::start(connection, "COPY one TO STDOUT (FORMAT binary)", soon());
    CopyBatch batch;
    EXPECT_FALSE(co_await reader.read(batch, kBatch, soon()));
    EXPECT_TRUE(connection.usable());
    auto writer = co_await CopyWriter::start(connection, "COPY one FROM STDIN (FORMAT binary)", soon());
    EXPECT_EQ(co_await writer.finish(soon()), 0U);
  });
}

TEST_F(CopyTest, AStoppedReaderLeavesTheConnectionFree) {
  test::run([&]() -> asio::awaitable<void> {
    auto connection = co_await open();
    for (int round = 0; round < 3; ++round) {
      auto reader = co_await CopyReader::start(
          connection, "COPY (SELECT repeat('x', 1000), generate_series(1, 100000000)) TO STDOUT (FORMAT binary)", soon());
      CopyBatch batch;
      EXPECT_TRUE(co_await reader.read(batch, kBatch, soon()));
      co_await reader.stop(soon());
      EXPECT_TRUE(connection.usable());
      EXPECT_EQ((co_await connection.execute("SELECT 1", soon())).rows(), 1U) << "the cancel request hits nothing else";
    }
  });
}

TEST_F(CopyTest, ADroppedReaderClosesItsConnectionAndEndsTheStatement) {
  test::run([&]() -> asio::awaitable<void> {
    auto connection = co_await open();
    {
      auto reader = co_await CopyReader::start(
          connection, "COPY (SELECT repeat('x', 1000), generate_series(1, 100000000)) TO STDOUT (FORMAT binary)", soon());
      CopyBatch batch;
      co_await reader.read(batch, 1, soon());
    }
    EXPECT_FALSE(connection.usable());
    EXPECT_TRUE(co_await eventually([&] {
      return session_.number("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'COPY%'") ==
             0;
    }));
  });
}

TEST_F(CopyTest, AServersErrorInTheStreamReachesTheReader) {
  test::run([&]() -> asio::awaitable<void> {
    auto connection = co_await open();
    auto reader = co_await CopyReader::start(
        connection, "COPY (SELECT 1 / (90000 - i) FROM generate_series(1, 100000) i) TO STDOUT (FORMAT binary)", soon());
    const auto read_all = [&]() -> asio::awaitable<void> {
      CopyBatch batch;
      while (co_await reader.read(batch, kBatch, soon())) {
      }
    };
    const auto error = co_await error_of(read_all());
    EXPECT_EQ(error.kind(), ErrorKind::server);
    EXPECT_EQ(error.sqlstate(), "22012");
    EXPECT_TRUE(connection.usable());
  });
}

TEST_F(CopyTest, AServersErrorReachesTheWriterAndTheConnectionIsUsableAfterRollback) {
  session_.run("CREATE TABLE one (id bigint PRIMARY KEY)");
  test::run([&]() -> asio::awaitable<void> {
    auto connection = co_await open();
    auto transaction = co_await Transaction::begin(connection, TransactionMode::read_committed, soon());
    auto writer = co_await CopyWriter::start(connection, "COPY one FROM STDIN (FORMAT binary)", soon());
    CopyBatch batch;
    append_row(batch, 1);
    append_row(batch, 1);
    for (std::int64_t i = 2; i < 200'000; ++i) append_row(batch, i);  // the server goes on reading what it has refused
    co_await writer.write(batch.bytes(), soon());
    const auto error = co_await error_of(writer.finish(soon()));
    EXPECT_EQ(error.sqlstate(), "23505");
    EXPECT_TRUE(error.may_blame_a_row());
    EXPECT_EQ(error.details().constraint, "one_pkey");
    EXPECT_THAT(error.details().statement, testing::StartsWith("COPY one"));
    EXPECT_EQ(connection.transaction_status(), TransactionStatus::in_failed_transaction);
    co_await transaction.rollback(soon());
    EXPECT_EQ((co_await connection.execute("SELECT count(*) FROM one", soon())).get<std::int64_t>(0, 0), 0);
  });
}

TEST_F(CopyTest, MalformedRowsAreTheServersToRefuse) {
  session_.run("CREATE TABLE one (id bigint)");
  test::run([&]() -> asio::awaitable<void> {
    auto connection = co_await open();
    auto writer = co_await CopyWriter::start(connection, "COPY one FROM STDIN (FORMAT binary)", soon());
    const std::vector<std::byte> nonsense(100, std::byte{7});
    co_await writer.write(nonsense, soon());
    EXPECT_EQ((co_await error_of(writer.finish(soon()))).sqlstate(), "22P04");
    EXPECT_TRUE(connection.usable());
  });
}

TEST_F(CopyTest, AnAbortedWriterDiscardsAndLeavesTheConnectionUsable) {
  session_.run("CREATE TABLE one (id bigint)");
  test::run([&]() -> asio::awaitable<void> {
    auto connection = co_await open();
    auto writer = co_await CopyWriter::start(connection, "COPY one FROM STDIN (FORMAT binary)", soon());
    CopyBatch batch;
    append_row(batch, 1);
    co_await writer.write(batch.bytes(), soon());
    co_await writer.abort(soon());
    EXPECT_TRUE(connection.usable());
    EXPECT_EQ((co_await connection.execute("SELECT count(*) FROM one", soon())).get<std::int64_t>(0, 0), 0);
  });
}

TEST_F(CopyTest, ADroppedWriterCommitsNothing) {
  session_.run("CREATE TABLE one (id bigint)");
  test::run([&]() -> asio::awaitable<void> {
    auto connection = co_await open();
    {
      auto writer = co_await CopyWriter::start(connection, "COPY one FROM STDIN (FORMAT binary)", soon());
      CopyBatch batch;
      append_row(batch, 1);
      co_await writer.write(batch.bytes(), soon());
      EXPECT_EQ((co_await error_of(connection.execute("SELECT 1", soon()))).kind(), ErrorKind::usage)
          << "COPY has the connection";
    }
    EXPECT_FALSE(connection.usable());
    EXPECT_TRUE(co_await eventually([&] {
      return session_.number(
                 "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()") == 0;
    }));
    EXPECT_EQ(session_.number("SELECT count(*) FROM one"), 0);
  });
}

TEST_F(CopyTest, ADeadlineEndsAReaderThatHearsNothing) {
  test::run([&]() -> asio::awaitable<void> {
    auto connection = co_await open();
    auto reader = co_await CopyReader::start(
        connection, "COPY (SELECT repeat('x', 20000) UNION ALL SELECT pg_sleep(60)::text) TO STDOUT (FORMAT binary)", soon());
    CopyBatch batch;
    EXPECT_EQ((co_await error_of(reader.read(batch, kBatch, Deadline::after(100ms)))).kind(), ErrorKind::deadline);
    EXPECT_FALSE(connection.usable());
  });
}

TEST_F(CopyTest, ADeadlineEndsAWriterWhoseServerDoesNotRead) {
  session_.run(R"(
    CREATE TABLE one (id bigint);
    CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$;
    CREATE TRIGGER wait BEFORE INSERT ON one FOR EACH ROW EXECUTE FUNCTION wait())");
  test::run([&]() -> asio::awaitable<void> {
    auto connection = co_await open();
    auto writer = co_await CopyWriter::start(connection, "COPY one FROM STDIN (FORMAT binary)", soon());
    CopyBatch batch;
    for (std::int64_t i = 0; i < 1'000'000; ++i) append_row(batch, i);
    const auto write_more_than_fits = [&]() -> asio::awaitable<void> {
      for (const auto deadline = Deadline::after(300ms);;) co_await writer.write(batch.bytes(), deadline);
    };
    EXPECT_EQ((co_await error_of(write_more_than_fits())).kind(), ErrorKind::deadline);
    EXPECT_FALSE(connection.usable());
  });
}

TEST_F(CopyTest, WhatIsNoBinaryCopyInThisDirectionIsRefused) {
  session_.run("CREATE TABLE one (id bigint)");
  test::run([&]() -> asio::awaitable<void> {
    auto first = co_await open();
    EXPECT_EQ((co_await error_of(CopyReader::start(first, "COPY one TO STDOUT", soon()))).kind(), ErrorKind::usage);
    auto second = co_await open();
    EXPECT_EQ((co_await error_of(CopyWriter::start(second, "COPY one TO STDOUT (FORMAT binary)", soon()))).kind(),
              ErrorKind::usage);
    auto third = co_await open();
    EXPECT_EQ((co_await error_of(CopyReader::start(third, "SELECT 1", soon()))).kind(), ErrorKind::usage);
    auto fourth = co_await open();
    EXPECT_EQ((co_await error_of(CopyReader::start(fourth, "COPY nothing TO STDOUT (FORMAT binary)", soon()))).sqlstate(),
              "42P01");
    EXPECT_TRUE(fourth.usable());
  });
}

}  // namespace
}  // namespace tributary::postgres
