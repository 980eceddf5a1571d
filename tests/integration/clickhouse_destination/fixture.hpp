#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "base/embedded.hpp"
#include "clickhouse/client.hpp"
#include "destination/clickhouse/schema.hpp"
#include "support/clickhouse.hpp"

namespace tributary::destination::clickhouse_target {

using namespace std::chrono_literals;

/// Far longer than anything here takes; reached only where something hangs.
inline Deadline soon() { return Deadline::after(60s); }

/// An engine of the test's own with nothing in it, the built-in mappings, and a loop.
class ClickHouseTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!test::ClickHouse::is_installed()) GTEST_SKIP() << "libchdb is not installed (npm ci)";
    server.emplace();
    client.emplace(loop.get_executor(), server->options());
  }
  void TearDown() override {
    if (client) client->close();
    loop.restart();
    loop.poll();
  }

  /// Runs a coroutine to its end.
  template <class T>
  T run(asio::awaitable<T> work) {
    std::optional<T> result;
    std::exception_ptr failure;
    asio::co_spawn(loop, std::move(work), [&](std::exception_ptr error, T value) {
      failure = error;
      result.emplace(std::move(value));
    });
    loop.restart();
    while (!result && loop.run_one() > 0) {
    }
    if (failure) std::rethrow_exception(failure);
    return std::move(*result);
  }

  /// The answer to a statement, lines of tab-separated values.
  std::string ask(std::string text) {
    auto result = run(client->execute({.text = std::move(text)}, soon()));
    std::string answer(result.text());
    while (answer.ends_with('\n')) answer.pop_back();
    return answer;
  }

  SchemaState migrate(Extent extent = Extent::all) {
    return run(apply_schema(*client, mappings, options, nullptr, extent, soon()));
  }

  static std::vector<mapping::Mapping> built_in() {
    std::vector<mapping::Mapping> result;
    for (const auto& file : embedded_mappings()) result.push_back(*mapping::parse(file.text, std::string(file.name)).mapping);
    return result;
  }
  const mapping::Mapping& mapping_named(std::string_view name) const {
    return *std::ranges::find(mappings, name, &mapping::Mapping::name);
  }

  asio::io_context loop{1};
  std::vector<mapping::Mapping> mappings = built_in();
  sql::Options options{.installation = Uuid::random()};
  std::optional<test::ClickHouse> server;
  std::optional<ch::Client> client;
};

}  // namespace tributary::destination::clickhouse_target
