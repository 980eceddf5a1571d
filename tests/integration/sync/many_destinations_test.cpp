#include <atomic>

#include "fixture.hpp"
#include "support/fake_server.hpp"
#include "support/silent_names.hpp"

/// Strangers name as many destinations as they like, and none of them need answer.
namespace tributary::sync {
namespace {

std::string with_host(std::string uri, std::string_view host) {
  constexpr std::string_view kHost = "127.0.0.1";
  return uri.replace(uri.find(kHost), kHost.size(), host);
}

/// Takes whoever connects, says nothing, and counts.
class SilentServer {
 public:
  std::string uri() const { return server_.uri(); }
  int most_at_once() const { return most_; }

 private:
  asio::awaitable<void> listen(test::FakeServer::Socket& socket) {
    most_ = std::max<int>(most_, ++now_);
    boost::system::error_code ended;
    std::array<char, 512> bytes{};
    while (!ended) co_await socket.async_read_some(asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, ended));
    --now_;
  }

  std::atomic<int> now_{0};
  std::atomic<int> most_{0};
  test::FakeServer server_{[this](test::FakeServer::Socket& socket) { return listen(socket); }};
};

TEST_F(SyncTest, NamesThatAreNeverAnsweredHoldUpNobodyElse) {
  test::Database customer("customer");
  test::SilentNames names("127.0.0.1");
  test::Service::Params params;
  params.sync.destination.guard.resolver = std::make_shared<Resolver>(names.resolver({.each = 2, .all = 3}));
  std::vector<std::string> silent;
  for (int i = 0; i < 6; ++i) silent.push_back(fmt::format("postgresql://nobody@silent{}.example/d", i));
  const auto one = add_tenancy(1, silent);
  const auto other = add_tenancy(2, {with_host(customer.uri(), "db.example")});
  test::Service service(source_, params);
  add_users(one, 1, 1);
  wait_until([&] { return names.asked().size() >= 2; }, "names are looked up");
  add_users(other, 100, 10);
  auto session = customer.session();
  wait_until_equal(session_, other, session);
  names.release();
}

TEST_F(SyncTest, OfDestinationsThatDoNotAnswerAFewAreConnectedToAtOnce) {
  test::Database customer("customer");
  const SilentServer server;
  test::Service::Params params;
  params.sync.connects_of_tenancy = 2;
  params.sync.connects = 20;  // what holds them is their tenancy's limit
  params.sync.destination.connect_timeout = std::chrono::milliseconds(300);
  const auto one = add_tenancy(1, std::vector<std::string>(10, server.uri()));
  const auto other = add_tenancy(2, {customer.uri()});
  test::Service service(source_, params);
  add_users(one, 1, 1);
  add_users(other, 100, 10);
  auto session = customer.session();
  wait_until_equal(session_, other, session);
  const auto tried = "SELECT count(DISTINCT destination_id) FROM tributary.destination_state WHERE error <> ''";
  wait_until([&] { return session_.number(tried) == 10; }, "each was tried");
  EXPECT_LE(server.most_at_once(), 6) << "two for the first time, two again, and two that it has not seen leave";
}

TEST_F(SyncTest, DestinationsBeyondTheLimitSayThatTheyAreNotSynced) {
  std::array<test::Database, 3> customers{test::Database("customer"), test::Database("customer"), test::Database("customer")};
  test::Service::Params params;
  params.sync.destination.guard.most_destinations = 2;
  const auto tenancy = add_tenancy(1, {customers[0].uri(), customers[1].uri(), customers[2].uri()});
  test::Service service(source_, params);
  add_users(tenancy, 1, 10);
  std::vector<test::Session> sessions;
  for (const auto& customer : customers) sessions.push_back(customer.session());
  wait_until_equal(session_, tenancy, sessions[0]);
  wait_until_equal(session_, tenancy, sessions[1]);
  wait_until([&] { return !state("d2").empty(); }, "the third one says why it is not synced");
  EXPECT_NE(state("d2").find("3 destinations, and destinations.most_per_project is 2"), std::string::npos) << state("d2");
  EXPECT_EQ(sessions[2].value("SELECT to_regclass('public.users') IS NULL"), "t");

  // And it recovers when there is room.
  session_.run(
      R"(UPDATE "Project" SET "configOverride" = "configOverride" #- '{dbSync.externalDatabases,d0}' WHERE id = 'project-1')");
  wait_until_equal(session_, tenancy, sessions[2]);
  wait_until([&] { return state("d2").empty(); }, "its error is gone");
}

}  // namespace
}  // namespace tributary::sync
