#include "fixture.hpp"
#include "support/silent_names.hpp"

/// Strangers name as many destinations as they like, and none of them need answer.
namespace tributary::sync {
namespace {

std::string with_host(std::string uri, std::string_view host) {
  constexpr std::string_view kHost = "127.0.0.1";
  return uri.replace(uri.find(kHost), kHost.size(), host);
}

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

}  // namespace
}  // namespace tributary::sync
