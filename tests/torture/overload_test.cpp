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
#include <thread>
#include <vector>

#include "support/compare.hpp"
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

class OverloadTorture : public testing::Test {
 protected:
  OverloadTorture() {
    auto settings = torture_settings(source_);
    settings["TRIBUTARY_HTTP_LISTEN"] = fmt::format("127.0.0.1:{}", port_);
    settings["TRIBUTARY_HTTP_OPERATOR_KEY"] = "the-key-of-these-operators";
    settings["TRIBUTARY_HTTP_MAX_REQUESTS"] = "16";
    settings["TRIBUTARY_THREADS"] = "1";
    settings["TRIBUTARY_LOG_LEVEL"] = "error";
    service_.emplace(TRIBUTARY_BINARY, std::vector<std::string>{"serve"}, settings);
    wait_until([&] { return is_up(); }, "the API answers");
    const auto made =
        HttpClient(port_).request("POST", "/api/v1/internal/projects", R"({"id": "acme"})",
                                  {{"Authorization", "Bearer the-key-of-these-operators"}, {"Content-Type", "application/json"}});
    const auto key = boost::json::parse(made.body).at("secret_server_key").as_string();
    fields_ = {
        {"x-stack-project-id", "acme"}, {"x-stack-access-type", "server"}, {"x-stack-secret-server-key", std::string(key)}};
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
        const auto end = Clock::now() + time;
        auto next = Clock::now() + every * i / clients;
        while (Clock::now() < end) {
          std::this_thread::sleep_until(next);
          next += every;
          ask(client);
        }
      });
    }
  }
  void ask(HttpClient& client) {
    const auto begun = Clock::now();
    const auto answer = client.get("/api/v1/users?limit=20", fields_);
    const std::scoped_lock lock(mutex_);
    ++statuses_[answer.status];
    if (answer.status == 503) never_told_when_ += answer.fields.contains("retry-after") ? 0 : 1;
    if (answer.status == 200) times_.push_back(Clock::now() - begun);
  }
  /// Of those since the last call.
  Milliseconds median() {
    const std::scoped_lock lock(mutex_);
    std::ranges::sort(times_);
    const auto result = times_.empty() ? Milliseconds(0) : times_[times_.size() / 2];
    times_.clear();
    return result;
  }

  const SourceDatabase source_;
  const std::uint16_t port_ = free_port();
  std::optional<Process> service_;
  HttpClient::Fields fields_;
  std::mutex mutex_;
  std::map<unsigned, std::uint64_t> statuses_;
  std::uint64_t never_told_when_ = 0;
  std::vector<Milliseconds> times_;
};

TEST_F(OverloadTorture, TwiceTheLoadIsShedAndForgotten) {
  constexpr auto kMeasured = 5s;
  load(8, kMeasured, 0s);
  const auto carried = statuses_[200];
  const auto before = median();
  const auto every = std::chrono::duration_cast<Clock::duration>(kMeasured) * kClients / std::max<std::uint64_t>(2 * carried, 1);

  std::jthread clients([&] { load(kClients, time_of_overload(), every); });
  std::this_thread::sleep_for(time_of_overload() / 4);
  const auto early = resident_kib(service_->pid());
  long most = early;
  for (const auto end = Clock::now() + time_of_overload() / 2; Clock::now() < end; std::this_thread::sleep_for(100ms))
    most = std::max(most, resident_kib(service_->pid()));
  clients.join();
  const auto during = median();

  // Back to what it was within 10 s.
  auto after = Milliseconds::max();
  const auto end = Clock::now() + 10s;
  while (after > 2 * before + 5ms && Clock::now() < end) {
    load(8, 500ms, 0s);
    after = median();
  }
  std::printf("%llu requests/s carried; median %.1f ms, at twice that %.1f ms, afterwards %.1f ms; resident %ld to %ld KiB;",
              static_cast<unsigned long long>(carried / 5), before.count(), during.count(), after.count(), early, most);
  for (const auto& [status, count] : statuses_) {
    std::printf(" %llu of %u", static_cast<unsigned long long>(count), status);
    EXPECT_TRUE(status == 200 || status == 503) << count << " answers of " << status;
  }
  std::printf("\n");
  EXPECT_GT(statuses_[503], 0U) << "there was no overload";
  EXPECT_EQ(never_told_when_, 0U);
  EXPECT_LT(most - early, kGrowthKib);
  EXPECT_LE(after, 2 * before + 5ms);
}

}  // namespace
}  // namespace tributary::test
