#include <cstdlib>
#include <stdexcept>

#include "fixture.hpp"
#include "postgres/copy.hpp"
#include "postgres/guard.hpp"

namespace tributary::postgres {
namespace {

using testing::HasSubstr;

constexpr auto kUsesTls = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";

/// The cluster speaks TLS with a certificate for "localhost" that signs itself (tests/with-postgres).
class TlsTest : public testing::Test {
 protected:
  TlsTest() {
    const char* certificate = std::getenv("TRIBUTARY_TEST_CERTIFICATE");
    if (certificate == nullptr)
      throw std::runtime_error("TRIBUTARY_TEST_CERTIFICATE is not set: run this through tests/with-postgres");
    certificate_ = certificate;
  }
  ConnectOptions options(std::string_view mode, std::string_view host = "localhost") const {
    return database_.options().with("sslmode", mode).with("host", host).with("sslrootcert", certificate_);
  }

  test::Database database_;
  test::Session session_ = database_.session();
  std::string certificate_;
};

TEST_F(TlsTest, ModesMeanWhatLibpqsManualSays) {
  test::run([&]() -> asio::awaitable<void> {
    for (const auto* mode : {"prefer", "require", "verify-ca", "verify-full"}) {
      auto connection = co_await Connection::open(options(mode), soon());
      EXPECT_TRUE((co_await connection.execute(kUsesTls, soon())).get<bool>(0, 0)) << mode;
    }
    auto plain = co_await Connection::open(options("disable"), soon());
    EXPECT_FALSE((co_await plain.execute(kUsesTls, soon())).get<bool>(0, 0));
    auto by_address = co_await Connection::open(options("verify-ca", "127.0.0.1"), soon());
    EXPECT_TRUE((co_await by_address.execute(kUsesTls, soon())).get<bool>(0, 0));
    const auto error = co_await error_of(Connection::open(options("verify-full", "127.0.0.1"), soon()));
    EXPECT_EQ(error.kind(), ErrorKind::connection);
    EXPECT_THAT(error.what(), HasSubstr("does not match host name")) << "the name that was asked for, not the address it led to";
  });
}

TEST_F(TlsTest, APasswordIsBoundToTheChannelThatItIsSentThrough) {
  session_.run("DROP ROLE IF EXISTS scram; SET password_encryption = 'scram-sha-256'; CREATE ROLE scram LOGIN PASSWORD 'secret'");
  Guard guard;
  guard.addresses = Guard::rules_of({"127.0.0.0/8"});
  const auto strangers = [&](std::string_view mode) {
    return parse_guarded(
        fmt::format("host=localhost port={} dbname={} user=scram password=secret channel_binding=require sslmode={}",
                    database_.options().keywords.at("port"), database_.name(), mode),
        guard);
  };
  test::run([&]() -> asio::awaitable<void> {
    auto connection = co_await Connection::open(strangers("require"), soon());
    EXPECT_TRUE((co_await connection.execute(kUsesTls, soon())).get<bool>(0, 0));
    const auto error = co_await error_of(Connection::open(strangers("disable"), soon()));
    EXPECT_THAT(error.what(), HasSubstr("channel binding required"));
  });
  session_.run("DROP ROLE scram");
}

TEST_F(TlsTest, LargeTrafficInBothDirectionsAndCancelWork) {
  session_.run("CREATE TABLE one (a text)");
  test::run([&]() -> asio::awaitable<void> {
    auto connection = co_await Connection::open(options("require"), soon());
    const std::string large(1'000'000, 'x');
    std::vector<Command> echoes;
    for (int i = 0; i < 30; ++i) echoes.push_back({.sql = "SELECT $1 || 'y'", .params = Params().add(large)});
    EXPECT_EQ((co_await connection.execute_pipeline(std::move(echoes), soon())).size(), 30U);

    auto target = co_await Connection::open(options("require"), soon());
    auto reader = co_await CopyReader::start(
        connection, "COPY (SELECT repeat('x', 1000) FROM generate_series(1, 20000)) TO STDOUT (FORMAT binary)", soon());
    auto writer = co_await CopyWriter::start(target, "COPY one FROM STDIN (FORMAT binary)", soon());
    CopyBatch batch;
    while (co_await reader.read(batch, 256 * 1024, soon())) co_await writer.write(batch.bytes(), soon());
    EXPECT_EQ(co_await writer.finish(soon()), 20'000U);

    EXPECT_EQ((co_await error_of(connection.execute("SELECT pg_sleep(60)", Deadline::after(1s)))).kind(), ErrorKind::deadline);
    EXPECT_TRUE(co_await eventually([&] {
      return session_.number(
                 "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%pg_sleep(60)' "
                 "AND pid <> pg_backend_pid()") == 0;
    }));
  });
}

}  // namespace
}  // namespace tributary::postgres
