#include "cli/demo/service.hpp"

#include "cli/command.hpp"

namespace tributary::cli::demo {
namespace {

using namespace std::chrono_literals;

constexpr double kProbesPerSecond = 25;
constexpr auto kStartTime = 30s;
constexpr auto kStopTime = 4s;

}  // namespace

Service::Service(asio::any_io_executor executor, ServerParams params, std::vector<mapping::Mapping> mappings,
                 ChangesParams changes, const std::vector<Tenant>& tenants, std::span<Customer> customers)
    : server_(executor, params, std::move(mappings), metrics_),
      changes_(executor, std::move(changes), tenants),
      probes_(executor, params.source, customers, kProbesPerSecond),
      writing_(executor),
      watching_(executor) {}

asio::awaitable<void> Service::start() {
  co_await server_.start(Deadline::after(kStartTime));
  watching_.add(watch_server());
}

asio::awaitable<void> Service::watch_server() {
  const auto stop = watching_.stop_token();
  co_await server_.wait(stop);
  if (!stop.stop_requested()) throw Failure("the service ended by itself");
}

void Service::start_changes() { writing_.add(changes_.run(writing_.stop_token())); }

void Service::start_probes() { writing_.add(probes_.run(writing_.stop_token())); }

void Service::check() const {
  writing_.check();
  watching_.check();
}

asio::awaitable<void> Service::stop_writing() {
  writing_.request_stop();
  co_await writing_.join();
}

asio::awaitable<void> Service::stop() {
  std::exception_ptr failure;
  writing_.request_stop();
  watching_.request_stop();
  for (auto* tasks : {&writing_, &watching_}) {
    try {
      co_await tasks->join();
    } catch (...) {
      failure = std::current_exception();
    }
  }
  co_await server_.stop(Deadline::after(kStopTime));
  if (failure) std::rethrow_exception(failure);
}

}  // namespace tributary::cli::demo
