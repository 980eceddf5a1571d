#include "directory/statement.hpp"

#include <algorithm>

#include "postgres/transaction.hpp"

namespace tributary::directory {
namespace {

constexpr int kTries = 4;

/// Somebody else was served first; nothing was done.
bool lost_a_race(const postgres::Error& error) { return error.sqlstate() == "40001" || error.sqlstate() == "40P01"; }

}  // namespace

asio::awaitable<void> in_transaction(postgres::Connection& connection, Deadline deadline,
                                     std::function<asio::awaitable<void>()> work) {
  for (int tries_left = kTries - 1;; --tries_left) {
    auto transaction = co_await postgres::Transaction::begin(connection, postgres::TransactionMode::read_committed, deadline);
    std::exception_ptr failure;
    try {
      co_await work();
      co_await transaction.commit(deadline);
      co_return;
    } catch (const postgres::Error& error) {
      if (error.poisons_connection()) throw;
      failure = std::current_exception();
      if (lost_a_race(error) && tries_left > 0) failure = nullptr;
    } catch (const Error&) {
      failure = std::current_exception();
    }
    if (connection.transaction_status() != postgres::TransactionStatus::idle) co_await transaction.rollback(deadline);
    if (failure) std::rethrow_exception(failure);
  }
}

asio::awaitable<std::vector<postgres::Result>> run(postgres::Connection& connection, std::vector<postgres::Command> commands,
                                                   Deadline deadline) {
  for (int tries_left = kTries - 1;; --tries_left) {
    try {
      co_return co_await connection.execute_pipeline(commands, deadline);
    } catch (const postgres::Error& error) {
      if (!lost_a_race(error) || tries_left == 0) throw;
    }
  }
}

asio::awaitable<postgres::Result> run(postgres::Connection& connection, std::string_view sql, postgres::Params params,
                                      Deadline deadline) {
  std::vector<postgres::Command> commands;
  commands.push_back({.sql = sql, .params = std::move(params), .prepare = true});
  auto results = co_await run(connection, std::move(commands), deadline);
  co_return std::move(results.front());
}

bool is_unique_violation(const postgres::Error& error) { return error.sqlstate() == "23505"; }
bool is_foreign_key_violation(const postgres::Error& error) { return error.sqlstate() == "23503"; }

bool names_column(const postgres::Error& error, std::string_view column) {
  return error.details().constraint.find(column) != std::string::npos;
}

void refuse_value(const postgres::Error& error) {
  const auto state_class = error.sqlstate().substr(0, 2);
  if (state_class == "22") throw Error(Refusal::invalid, "a value cannot be kept: " + error.details().message);
  if (state_class == "54") throw Error(Refusal::invalid, "a value is too large: " + error.details().message);
  throw error;
}

std::string assign(std::string_view column, int parameter) {
  return fmt::format(R"("{0}" = CASE WHEN ${1} THEN ${2} ELSE "{0}" END)", column, parameter, parameter + 1);
}

void add_page(postgres::Params& params, const PageRequest& page) {
  if (page.after) {
    const auto microseconds = page.after->at.time_since_epoch().count();
    params.add(std::int64_t{microseconds}).add(page.after->id).add(page.after->second_id);
  } else {
    params.add_null(postgres::oid::kInt8).add_null(postgres::oid::kUuid).add_null(postgres::oid::kUuid);
  }
  params.add(bounded(page) + 1);
}

std::string behind(const PageRequest& page, std::string_view columns, std::string_view ids, std::string_view sign) {
  if (!page.after) return "";
  return fmt::format("\n  AND ({}) {} ('epoch'::timestamp + $2 * interval '1 microsecond', {})", columns, sign, ids);
}

std::string in_order_of(std::string_view column) { return fmt::format("\n  AND {} IS NOT NULL", column); }

std::int64_t bounded(const PageRequest& page) { return std::clamp<std::int64_t>(page.limit, 1, PageRequest::kMost); }

}  // namespace tributary::directory
