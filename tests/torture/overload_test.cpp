#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "support/clickhouse.hpp"
#include "support/compare.hpp"
#include "support/engine_of_service.hpp"
#include "support/http_client.hpp"
#include "support/source.hpp"
#include "support/torture.hpp"

/// Twice the load that the API can carry: memory stays flat, whoever is not served is told so, and afterwards all is as before.
namespace tributary::test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr unsigned kClients = 64;
constexpr long kGrowthKib = 16 * 1'024;
constexpr auto kMeasured = 5s;

/// `make torture` says 300.
std::chrono::seconds time_of_overload() {
  const char* text = std::getenv("TRIBUTARY_OVERLOAD_SECONDS");
  return std::chrono::seconds(text == nullptr ? 20 : std::atoi(text));
}

std::uint16_t free_port() {
  boost::asio::io_context loop;
  return boost::asio::ip::tcp::acceptor(loop, {boost::asio::ip::address_v4::loopback(), 0}).local_endpoint().port();
}

long resident_kib(pid_t process) {
  std::ifstream status(fmt::format("/proc/{}/status", process));
  for (std::string word; status >> word;) {
    long kib = 0;
    if (word == "VmRSS:" && status >> kib) return kib;
  }
  throw std::runtime_error("the service is gone");
}

/// Another tenant, whose rows are loaded by the thousand until it is finished: it is there before the overload, during it, and afterwards.
class Backfill {
 public:
  explicit Backfill(const Database& source) {
    source.session().run(insert_project("bulk", fmt::format(R"({{"dbSync.externalDatabases": {{"main": {{
                           "type": "postgres", "connectionString": "{}"}}}}}})",
                                                            customer_.uri())) +
                         insert_tenancy(tenancy_, "bulk"));
    thread_ = std::jthread([this, session = source.session()](const std::stop_token& stop) mutable {
      const auto insert = fmt::format(R"(
        INSERT INTO "Team" ("tenancyId", "teamId", "mirroredProjectId", "displayName")
        SELECT '{0}', gen_random_uuid(), '{0}', 'team' FROM generate_series(1, 1000))",
                                      tenancy_);
      for (; !stop.stop_requested(); rows_ += 1'000) {
        session.run(insert);
        session.run("SELECT pg_sleep(0.5)");  // a load like others, not all that the machine can do
      }
    });
  }
  /// No more rows; and all have come.
  long long finish() {
    thread_.request_stop();
    thread_.join();
    auto customer = customer_.session();
    wait_until([&] { return customer.number("SELECT count(*) FROM teams") == rows_; }, "the backfill is done", 120s);
    return rows_;
  }

 private:
  const std::string tenancy_ = uuid(0xb01c'0000);
  const Database customer_{"overload_customer"};
  long long rows_ = 0;
  std::jthread thread_;
};

class OverloadTorture : public testing::Test {
 protected:
  OverloadTorture() {
    Process::Environment settings{
        {"TRIBUTARY_SOURCE_URL", source_.uri()},
        {"TRIBUTARY_HTTP_LISTEN", fmt::format("127.0.0.1:{}", port_)},
        {"TRIBUTARY_HTTP_OPERATOR_KEY", "the-key-of-these-operators"},
        {"TRIBUTARY_HTTP_MAX_REQUESTS", "16"},
        {"TRIBUTARY_HTTP_MAX_QUERIES_OF_PROJECT", "16"},  // 503, not 429, which tells a project that it is alone with its trouble
        {"TRIBUTARY_CLICKHOUSE_USE", "none"},
        {"TRIBUTARY_THREADS", "1"},
        {"TRIBUTARY_LOG_LEVEL", "error"}};
    if (has_clickhouse_) {
      for (auto& [name, value] : engine_.settings()) settings.insert_or_assign(name, value);
    }
    service_.emplace(TRIBUTARY_BINARY, std::vector<std::string>{"serve"}, settings);
    wait_until([&] { return is_up(); }, "the API answers");
    HttpClient client(port_);
    const auto made =
        client.request("POST", "/api/v1/internal/projects", R"({"id": "acme"})",
                       {{"Authorization", "Bearer the-key-of-these-operators"}, {"Content-Type", "application/json"}});
    const auto project = boost::json::parse(made.body);
    const auto fields = [&](const char* access, const char* header, const char* key) {
      return HttpClient::Fields{{"x-stack-project-id", "acme"},
                                {"x-stack-access-type", access},
                                {header, std::string(project.at(key).as_string())},
                                {"Content-Type", "application/json"}};
    };
    server_ = fields("server", "x-stack-secret-server-key", "secret_server_key");
    admin_ = fields("admin", "x-stack-super-secret-admin-key", "super_secret_admin_key");
    for (auto& user : users_) {
      const auto added = client.request("POST", "/api/v1/users", R"({"display_name": "Ada"})", server_);
      user = boost::json::parse(added.body).at("id").as_string();
    }
    if (has_clickhouse_) wait_until([&] { return query(client).status == 200; }, "ClickHouse answers", 60s);
  }
  bool is_up() const {
    try {
      return HttpClient(port_).get("/livez").status == 200;
    } catch (const std::exception&) {
      return false;
    }
  }

  /// Requests of `clients`, each as often as `every`; zero: one after the other.
  void load(unsigned clients, Clock::duration time, Clock::duration every) {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < clients; ++i) {
      threads.emplace_back([this, i, clients, time, every] {
        HttpClient client(port_);
        std::mt19937 random(i);
        const auto end = Clock::now() + time;
        auto next = Clock::now() + every * i / clients;
        while (Clock::now() < end) {
          std::this_thread::sleep_until(next);
          next += every;
          const auto begun = Clock::now();
          note(ask(client, users_[i], random() % 16), Clock::now() - begun);
        }
      });
    }
  }
  HttpClient::Answer query(HttpClient& client) const {
    return client.request("POST", "/api/v1/internal/analytics/query", R"({"query": "SELECT count() AS n FROM users"})", admin_);
  }
  /// Of sixteen: six are reads, three lists, four changes, two new users, one is a query.
  HttpClient::Answer ask(HttpClient& client, const std::string& user, unsigned what) const {
    if (what == 0 && has_clickhouse_) return query(client);
    if (what < 3) return client.request("POST", "/api/v1/users", R"({"display_name": "Bob"})", server_);
    if (what < 7)
      return client.request("PATCH", "/api/v1/users/" + user, fmt::format(R"({{"display_name": "Ada {}"}})", what), server_);
    return client.get(what < 10 ? "/api/v1/users?limit=20" : "/api/v1/users/" + user, server_);
  }
  void note(const HttpClient::Answer& answer, Clock::duration time) {
    const std::scoped_lock lock(mutex_);
    ++statuses_[answer.status];
    if (answer.status == 503) never_told_when_ += answer.fields.contains("retry-after") ? 0 : 1;
    if (answer.status < 300) times_.push_back(time);
  }
  /// How many were served since the last call, and in which time half of them.
  std::pair<std::size_t, Milliseconds> served() {
    const std::scoped_lock lock(mutex_);
    std::ranges::sort(times_);
    const std::pair result(times_.size(), times_.empty() ? Milliseconds(0) : times_[times_.size() / 2]);
    times_.clear();
    return result;
  }

  const SourceDatabase source_;
  const std::uint16_t port_ = free_port();
  const bool has_clickhouse_ = ClickHouse::is_installed();
  const EngineOfService engine_;
  std::optional<Process> service_;
  HttpClient::Fields server_;
  HttpClient::Fields admin_;
  std::array<std::string, kClients> users_;  ///< one for each client, so that they do not wait for each other
  std::mutex mutex_;
  std::map<unsigned, std::uint64_t> statuses_;
  std::uint64_t never_told_when_ = 0;
  std::vector<Milliseconds> times_;
};

TEST_F(OverloadTorture, TwiceTheLoadIsShedAndForgotten) {
  Backfill backfill(source_);
  load(8, kMeasured, 0s);
  const auto [carried, before] = served();
  const auto every = std::chrono::duration_cast<Clock::duration>(kMeasured) * kClients / std::max<std::size_t>(2 * carried, 1);

  std::jthread clients([&] { load(kClients, time_of_overload(), every); });
  std::this_thread::sleep_for(time_of_overload() / 4);
  const auto early = resident_kib(service_->pid());
  long most = early;
  for (const auto end = Clock::now() + time_of_overload() / 2; Clock::now() < end; std::this_thread::sleep_for(100ms))
    most = std::max(most, resident_kib(service_->pid()));
  clients.join();
  const auto during = served().second;

  // Back to what it was within 10 s.
  auto after = Milliseconds::max();
  const auto end = Clock::now() + 10s;
  while (after > 2 * before + 5ms && Clock::now() < end) {
    load(8, 500ms, 0s);
    after = served().second;
  }
  std::printf("%zu requests/s carried; median %.1f ms, at twice that %.1f ms, afterwards %.1f ms; resident %ld to %ld KiB;",
              carried / kMeasured.count(), before.count(), during.count(), after.count(), early, most);
  for (const auto& [status, count] : statuses_) {
    std::printf(" %llu of %u", static_cast<unsigned long long>(count), status);
    EXPECT_TRUE(status < 300 || status == 503) << count << " answers of " << status;
  }
  std::printf("\n");
  EXPECT_GT(statuses_[503], 0U) << "there was no overload";
  EXPECT_EQ(never_told_when_, 0U);
  EXPECT_LT(most - early, kGrowthKib);
  EXPECT_LE(after, 2 * before + 5ms);
  std::printf("%lld rows of another tenant were loaded meanwhile\n", backfill.finish());
}

}  // namespace
}  // namespace tributary::test
