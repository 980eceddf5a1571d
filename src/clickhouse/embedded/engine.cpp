#include "clickhouse/embedded/engine.hpp"

#include <charconv>

#include "base/sql_text.hpp"

namespace tributary::clickhouse::embedded {
namespace {

/// Its handlers would keep a process that crashed from ending, and nobody would restart it.
Library without_signal_handlers(Library library) {
  library.enable_signal_handlers(0);
  return library;
}

Library::Connection* connect(const Library& library, const EngineParams& params) {
  std::array<std::string, 3> arguments{"clickhouse", "--path=" + params.data.string(), "--config-file=" + params.config.string()};
  std::array<char*, 3> pointers{arguments[0].data(), arguments[1].data(), arguments[2].data()};
  auto* connection = library.connect(static_cast<int>(pointers.size()), pointers.data());
  if (connection == nullptr) throw std::runtime_error("the ClickHouse engine does not open " + params.data.string());
  return connection;
}

}  // namespace

EngineError EngineError::from(std::string message) {
  constexpr std::string_view kCode = "Code: ";
  int code = 0;
  const auto at = message.find(kCode);
  if (at != std::string::npos) std::from_chars(message.data() + at + kCode.size(), message.data() + message.size(), code);
  return {code, std::move(message)};
}

Session::Session(Session&& other) noexcept : library_(other.library_), connection_(std::exchange(other.connection_, nullptr)) {}

Session::~Session() {
  if (connection_ != nullptr) library_->close(connection_);
}

Outcome Session::run(std::string_view sql, std::string_view format) {
  Outcome outcome;
  auto* result = library_->query(*connection_, sql.data(), sql.size(), format.data(), format.size());
  if (const char* error = library_->error(result)) {
    outcome.error = EngineError::from(error);
  } else {
    if (const auto size = library_->length(result); size > 0) outcome.output.assign(library_->buffer(result), size);
    outcome.counts = {.read_rows = library_->read_rows(result),
                      .read_bytes = library_->read_bytes(result),
                      .written_rows = library_->written_rows(result),
                      .written_bytes = library_->written_bytes(result),
                      .result_rows = library_->result_rows(result),
                      .result_bytes = library_->result_bytes(result)};
  }
  library_->destroy(result);
  return outcome;
}

Outcome Session::set(const Assignments& settings) {
  if (settings.empty()) return {};
  std::string sql = "SET ";
  for (const auto& [name, value] : settings) {
    if (&name != &settings.front().first) sql += ", ";
    sql += name + " = " + quote_clickhouse_literal(value);
  }
  return run(sql);
}

Engine::Engine(Library library, EngineParams params)
    : library_(without_signal_handlers(library)), params_(std::move(params)), keeper_(library_, connect(library_, params_)) {}

Session Engine::open() const { return Session(library_, connect(library_, params_)); }

}  // namespace tributary::clickhouse::embedded
