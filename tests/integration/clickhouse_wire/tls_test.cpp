#include <cstdlib>
#include <filesystem>

#include "endpoint.hpp"

namespace tributary::clickhouse {
namespace {

using testing::HasSubstr;
using Visitor = Endpoint::Visitor;

/// An endpoint that speaks TLS with a certificate for "localhost" that signs itself (tests/with-postgres).
class TlsTest : public testing::Test {
 protected:
  TlsTest() {
    const char* certificate = std::getenv("TRIBUTARY_TEST_CERTIFICATE");
    if (certificate == nullptr)
      throw std::runtime_error("TRIBUTARY_TEST_CERTIFICATE is not set: run this through tests/with-postgres");
    certificate_ = certificate;
    server_context_->use_certificate_chain_file(certificate_);
    server_context_->use_private_key_file(std::filesystem::path(certificate_).replace_extension(".key"), asio::ssl::context::pem);
  }

  void with_endpoint(const std::function<asio::awaitable<void>(Endpoint&)>& work) {
    test::run([&]() -> asio::awaitable<void> {
      const Endpoint::Script script = [](Visitor& visitor, int) -> asio::awaitable<void> {
        while (!(co_await visitor.request()).empty()) co_await visitor.say(answer(std::string(300'000, 'x')));
      };
      Endpoint endpoint(co_await asio::this_coro::executor, script, server_context_);
      co_await work(endpoint);
    });
  }
  asio::awaitable<void> ask(ConnectOptions options) {
    Client client(co_await asio::this_coro::executor, std::move(options));
    for (int i = 0; i < 3; ++i) EXPECT_EQ((co_await text_of(client, {.text = "SELECT 1"})).size(), 300'000U);
    EXPECT_EQ(client.counts().idle, 1U);
  }

  std::string certificate_;
  std::shared_ptr<asio::ssl::context> server_context_ = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
};

TEST_F(TlsTest, ACertificateThatIsKnownIsTakenForItsNameOnly) {
  with_endpoint([this](Endpoint& endpoint) -> asio::awaitable<void> {
    auto options = endpoint.options();
    options.ca_file = certificate_;
    co_await ask(options);
    EXPECT_EQ(endpoint.connections(), 1);
    options.host = "127.0.0.1";
    const auto error = co_await error_of(ask(options));
    EXPECT_EQ(error.kind(), ErrorKind::connection);
    EXPECT_THAT(error.what(), HasSubstr("certificate was refused"));
  });
}

TEST_F(TlsTest, AnUnknownCertificateIsRefusedUnlessNobodyLooks) {
  with_endpoint([this](Endpoint& endpoint) -> asio::awaitable<void> {
    auto options = endpoint.options();
    const auto error = co_await error_of(ask(options));
    EXPECT_EQ(error.kind(), ErrorKind::connection);
    EXPECT_THAT(error.what(), HasSubstr("certificate was refused: self-signed certificate"));
    options.verify_certificate = false;
    co_await ask(options);
  });
}

TEST_F(TlsTest, AServerWithoutTlsIsNotSpokenToInPlain) {
  test::run([this]() -> asio::awaitable<void> {
    std::string heard;
    const Endpoint::Script script = [&](Visitor& visitor, int) -> asio::awaitable<void> {
      co_await visitor.say("HTTP/1.1 400 Bad Request\r\n\r\n");
      heard = co_await visitor.request();
    };
    Endpoint endpoint(co_await asio::this_coro::executor, script);
    auto options = endpoint.options();
    options.tls = true;
    options.ca_file = certificate_;
    EXPECT_EQ((co_await error_of(ask(options))).kind(), ErrorKind::connection);
    EXPECT_EQ(heard, "");
  });
}

TEST_F(TlsTest, ACaFileThatIsNotThereIsSaidAtOnce) {
  test::run([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    EXPECT_THROW(Client(executor, {.tls = true, .ca_file = "/no/such/file.pem"}), Error);
  });
}

}  // namespace
}  // namespace tributary::clickhouse
