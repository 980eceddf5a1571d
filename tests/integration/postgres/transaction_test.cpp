#include "postgres/transaction.hpp"

#include "fixture.hpp"

namespace tributary::postgres {
namespace {

constexpr auto kWrite = TransactionMode::read_committed;
constexpr auto kCount = "SELECT count(*) FROM one";

class TransactionTest : public testing::Test {
 protected:
  TransactionTest() { session_.run("CREATE TABLE one (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)"); }
  asio::awaitable<Connection> open() { return Connection::open(database_.options(), soon()); }

  test::Database database_;
  test::Session session_ = database_.session();
};

TEST_F(TransactionTest, CommitKeepsAndRollbackDiscards) {
  test::run([&]() -> asio::awaitable<void> {
    auto connection = co_await open();
    auto kept = co_await Transaction::begin(connection, kWrite, soon());
    co_await kept.connection().execute("INSERT INTO one VALUES (1)", soon());
    co_await kept.commit(soon());
    auto discarded = co_await Transaction::begin(connection, kWrite, soon());
    co_await discarded.connection().execute("INSERT INTO one VALUES (2)", soon());
    co_await discarded.rollback(soon());
    EXPECT_EQ(session_.number(kCount), 1);
    EXPECT_TRUE(connection.usable());
    EXPECT_EQ((co_await error_of(kept.commit(soon()))).kind(), ErrorKind::usage);
  });
}

TEST_F(TransactionTest, ADroppedOneClosesItsConnectionAndKeepsNothing) {
  test::run([&]() -> asio::awaitable<void> {
    auto connection = co_await open();
    {
      auto dropped = co_await Transaction::begin(connection, kWrite, soon());
      co_await connection.execute("INSERT INTO one VALUES (1)", soon());
    }
    EXPECT_FALSE(connection.usable());
    EXPECT_EQ(session_.number(kCount), 0);
  });
}

TEST_F(TransactionTest, CommitOfAFailedOneSaysSo) {
  test::run([&]() -> asio::awaitable<void> {
    auto connection = co_await open();
    auto transaction = co_await Transaction::begin(connection, kWrite, soon());
    co_await connection.execute("INSERT INTO one VALUES (1)", soon());
    co_await error_of(connection.execute("SELECT 1/0", soon()));
    EXPECT_EQ(connection.transaction_status(), TransactionStatus::in_failed_transaction);
    const auto error = co_await error_of(transaction.commit(soon()));
    EXPECT_EQ(error.kind(), ErrorKind::server);
    EXPECT_EQ(error.sqlstate(), "25P02");
    EXPECT_FALSE(error.commit_in_doubt());
    EXPECT_TRUE(connection.usable());
    EXPECT_EQ(session_.number(kCount), 0);
  });
}

TEST_F(TransactionTest, ARefusalAtCommitIsNotInDoubt) {
  test::run([&]() -> asio::awaitable<void> {
    auto connection = co_await open();
    auto transaction = co_await Transaction::begin(connection, kWrite, soon());
    co_await connection.execute("INSERT INTO one VALUES (1), (1)", soon());
    const auto error = co_await error_of(transaction.commit(soon()));
    EXPECT_EQ(error.sqlstate(), "23505");
    EXPECT_FALSE(error.commit_in_doubt());
    EXPECT_EQ(connection.transaction_status(), TransactionStatus::idle);
  });
}

TEST_F(TransactionTest, ABreakDuringCommitIsInDoubt) {
  session_.run(R"(
    CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER die AFTER INSERT ON one DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die())");
  test::run([&]() -> asio::awaitable<void> {
    auto connection = co_await open();
    auto transaction = co_await Transaction::begin(connection, kWrite, soon());
    co_await connection.execute("INSERT INTO one VALUES (1)", soon());
    const auto error = co_await error_of(transaction.commit(soon()));
    EXPECT_EQ(error.kind(), ErrorKind::connection);
    EXPECT_TRUE(error.commit_in_doubt());
  });
}

TEST_F(TransactionTest, ADeadlineDuringCommitIsInDoubtAndOneBeforeItIsNot) {
  session_.run(R"(
    CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON one DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait())");
  test::run([&]() -> asio::awaitable<void> {
    for (const bool expired_before : {true, false}) {
      auto connection = co_await open();
      auto transaction = co_await Transaction::begin(connection, kWrite, soon());
      co_await connection.execute("INSERT INTO one VALUES (1)", soon());
      const auto error = co_await error_of(transaction.commit(Deadline::after(expired_before ? 0ms : 100ms)));
      EXPECT_EQ(error.kind(), ErrorKind::deadline);
      EXPECT_EQ(error.commit_in_doubt(), !expired_before);
      EXPECT_FALSE(connection.usable());
    }
    EXPECT_EQ(session_.number(kCount), 0);
  });
}

TEST_F(TransactionTest, ASnapshotStaysAsItWasAndRefusesWrites) {
  test::run([&]() -> asio::awaitable<void> {
    auto connection = co_await open();
    auto snapshot = co_await Transaction::begin(connection, TransactionMode::snapshot_read_only, soon());
    EXPECT_EQ((co_await connection.execute(kCount, soon())).get<std::int64_t>(0, 0), 0);
    session_.run("INSERT INTO one VALUES (1)");
    EXPECT_EQ((co_await connection.execute(kCount, soon())).get<std::int64_t>(0, 0), 0);
    EXPECT_EQ((co_await error_of(connection.execute("INSERT INTO one VALUES (2)", soon()))).sqlstate(), "25006");
    co_await snapshot.rollback(soon());
    EXPECT_EQ((co_await connection.execute(kCount, soon())).get<std::int64_t>(0, 0), 1);
  });
}

TEST_F(TransactionTest, OneInsideOfAnotherIsRefused) {
  test::run([&]() -> asio::awaitable<void> {
    auto connection = co_await open();
    auto outer = co_await Transaction::begin(connection, kWrite, soon());
    EXPECT_EQ((co_await error_of(Transaction::begin(connection, kWrite, soon()))).kind(), ErrorKind::usage);
    co_await outer.commit(soon());
  });
}

}  // namespace
}  // namespace tributary::postgres
