#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <functional>
#include <stdexcept>
#include <utility>

#include "clickhouse/client.hpp"
#include "support/database.hpp"

namespace tributary::clickhouse {

using namespace std::chrono_literals;

/// Far longer than anything here takes; reached only where something hangs.
inline Deadline soon() { return Deadline::after(40s); }

/// The Error that `work` must end with.
template <class T>
asio::awaitable<Error> error_of(asio::awaitable<T> work) {
  try {
    co_await std::move(work);
  } catch (const Error& error) {
    co_return error;
  }
  throw std::runtime_error("did not fail");
}

inline asio::awaitable<std::string> text_of(Client& client, Query query) {
  const auto result = co_await client.execute(std::move(query), soon());
  co_return std::string(result.text());
}

/// Asks again and again, letting the event loop run in between, until it is so; false after a long time.
inline asio::awaitable<bool> eventually(std::function<bool()> condition) {
  for (const auto deadline = soon(); !deadline.expired();) {
    if (condition()) co_return true;
    co_await asio::post(asio::use_awaitable);
  }
  co_return false;
}

}  // namespace tributary::clickhouse
