#include <unistd.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/this_coro.hpp>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <set>
#include <system_error>

#include "analytics/query.hpp"
#include "cli/catalog.hpp"
#include "cli/clickhouse_engine.hpp"
#include "cli/command.hpp"
#include "cli/tracing.hpp"
#include "telemetry/log.hpp"

namespace tributary::cli {
namespace {

namespace ch = tributary::clickhouse;
using namespace std::chrono_literals;

constexpr std::size_t kLongestStatement = 1024 * 1024;
/// For the span, once the answer is there.
constexpr auto kLastSpans = 1s;

struct Options {
  std::string statement;
  std::string project;
  std::string branch = "main";
  std::vector<std::string> params;
  std::string format = "pretty";
  bool json = false;
  int timeout_s = 10;
  std::uint64_t most_rows = 0;
};

struct Format {
  std::string_view name;
  std::string_view clickhouse_name;
};
/// Short names; any other is one of ClickHouse's own.
constexpr std::array kFormats{
    Format{"pretty", "PrettyCompact"}, Format{"json", "JSON"},      Format{"jsoneachrow", "JSONEachRow"},
    Format{"csv", "CSVWithNames"},     Format{"arrow", "Arrow"},    Format{"tsv", "TSVWithNames"},
    Format{"vertical", "Vertical"},    Format{"parquet", "Parquet"}};

std::string clickhouse_format(std::string_view name) {
  const auto found = std::ranges::find(kFormats, name, &Format::name);
  return std::string(found == kFormats.end() ? name : found->clickhouse_name);
}

bool is_binary(std::string_view format) {
  constexpr std::array<std::string_view, 7> kBinary{"Parquet", "Arrow", "Native", "RowBinary", "ORC", "Avro", "MsgPack"};
  return std::ranges::any_of(kBinary, [&](std::string_view name) { return format.starts_with(name); });
}

std::string read_statement(const std::string& given) {
  if (!given.empty() && given != "-") return given;
  std::string text;
  std::array<char, 64 * 1024> piece{};
  while (const auto size = std::fread(piece.data(), 1, piece.size(), stdin)) {
    text.append(piece.data(), size);
    if (text.size() > kLongestStatement) throw Failure("the query on standard input is larger than a megabyte", kBadInput);
  }
  if (std::ferror(stdin) != 0)
    throw Failure("cannot read the query from standard input: " + std::generic_category().message(errno), kBadInput);
  return text;
}

analytics::TenantQuery tenant_query(const Options& options) {
  analytics::TenantQuery query{.tenant = {options.project, options.branch},
                               .format = clickhouse_format(options.json ? "json" : options.format),
                               .own_format = true,
                               .timeout = std::chrono::seconds(options.timeout_s),
                               .most_rows = options.most_rows,
                               .most_bytes = 0};
  std::set<std::string> names;
  for (const auto& param : options.params) {
    const auto equals = param.find('=');
    if (equals == std::string::npos || equals == 0) throw Failure("--param " + param + ": must be NAME=VALUE", kBadInput);
    const auto [name, is_new] = names.insert(param.substr(0, equals));
    if (!is_new) throw Failure("--param " + *name + " is given twice", kBadInput);
    query.params.add(*name, param.substr(equals + 1));
  }
  query.statement = read_statement(options.statement);
  if (const auto why = analytics::mistake(query)) throw Failure(*why, kBadInput);
  return query;
}

/// Standard output, which is waited for without keeping the loop from a signal: its reader may be slow.
class Output {
 public:
  explicit Output(const asio::any_io_executor& executor) : descriptor_(executor, ::dup(STDOUT_FILENO)) {}

  bool is_terminal() const { return ::isatty(STDOUT_FILENO) != 0; }

  asio::awaitable<void> write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      boost::system::error_code error;
      co_await descriptor_.async_wait(asio::posix::stream_descriptor::wait_write,
                                      asio::redirect_error(asio::use_awaitable, error));
      // A file is always writable, and cannot be waited for.
      if (error && error != asio::error::operation_not_supported) throw boost::system::system_error(error);
      // What is writable takes so much at once.
      const auto size = ::write(STDOUT_FILENO, bytes.data(), std::min<std::size_t>(bytes.size(), PIPE_BUF));
      if (size < 0 && errno != EINTR && errno != EAGAIN)
        throw Failure("cannot write the answer: " + std::generic_category().message(errno));
      if (size > 0) bytes = bytes.subspan(static_cast<std::size_t>(size));
    }
  }
  void cancel() {
    boost::system::error_code ignored;
    descriptor_.cancel(ignored);
  }

 private:
  asio::posix::stream_descriptor descriptor_;
};

struct Advice {
  std::string_view error;  ///< ClickHouse's name of it
  std::string_view text;
  int status = kBadInput;  ///< of a query that is wrong: nothing was begun
};
constexpr std::array kAdvice{
    Advice{"ACCESS_DENIED", "It uses a table or function that tenants may not, or that is not there"},
    Advice{"BAD_QUERY_PARAMETER", "A --param does not fit the type of its place {name:Type}"},
    Advice{"CANNOT_PARSE_TEXT", "A text in it, in a row or of a --param is not of the type that it is to be", kFailed},
    Advice{"ILLEGAL_TYPE_OF_ARGUMENT", "A function does not take a value of the type that it is given"},
    Advice{"NOT_AN_AGGREGATE", "A column is neither in GROUP BY nor in an aggregate function"},
    Advice{"UNKNOWN_FORMAT", "ClickHouse has no such format, or not for tenants"},
    Advice{"UNKNOWN_IDENTIFIER", "It names a column that is not there"},
    Advice{"UNKNOWN_QUERY_PARAMETER", "A place {name:Type} has no --param"},
    Advice{"UNKNOWN_TABLE", "It names a view that is not there; `tributary mapping check` lists those that are"},
    Advice{"UNKNOWN_TYPE", "It names a type that is not there"},
    Advice{"MEMORY_LIMIT_EXCEEDED", "It needs more memory than a query may take", kFailed},
    Advice{"AUTHENTICATION_FAILED", "ClickHouse does not take clickhouse.limited_user_password", kFailed}};

/// Which error it was, and what to do about it, beside what a tenant would be told: whoever has this command may know.
Failure failure_of(const analytics::QueryError& error) {
  constexpr int kSyntaxError = 62;
  std::string text = error.what();
  const auto& cause = error.cause();
  const auto advice = std::ranges::find(kAdvice, cause.name, &Advice::error);
  if (advice != kAdvice.end()) text += fmt::format(" {}.", advice->text);
  if (!cause.name.empty() && text.find(cause.name) == std::string::npos) text += " (" + cause.name + ')';
  if (advice != kAdvice.end()) return Failure(text, advice->status);
  return Failure(text, cause.code == kSyntaxError ? kBadInput : kFailed);
}

asio::awaitable<void> answer(ch::ConnectOptions server, analytics::TenantQuery query, telemetry::Tracer* tracer,
                             std::stop_token stop) {
  const auto executor = co_await asio::this_coro::executor;
  ch::Client client(executor, server, {.max_connections = 1});
  Output output(executor);
  // Signals come on this loop. A closed connection ends the query on the server.
  const std::stop_callback leave(stop, [&] {
    client.close();
    output.cancel();
  });
  try {
    auto rows = co_await analytics::start(client, std::move(query), tracer);
    if (output.is_terminal() && is_binary(rows.format()))
      throw Failure(rows.format() + " is not for a terminal: write it to a file, with > FILE", kBadInput);
    for (auto bytes = co_await rows.next(); !bytes.empty(); bytes = co_await rows.next()) co_await output.write(bytes);
  } catch (const analytics::QueryError& error) {
    throw failure_of(error);
  } catch (const analytics::Busy& busy) {
    throw Failure(busy.what());
  } catch (const ch::Error& error) {
    if (!stop.stop_requested()) throw Failure("ClickHouse at " + server.redacted() + ": " + error.what());
  } catch (const boost::system::system_error&) {
    if (!stop.stop_requested()) throw;
  }
  if (stop.stop_requested()) throw Failure("the query was cancelled");
}

asio::awaitable<void> answer_of(BorrowedEngine& engine, analytics::TenantQuery query, telemetry::Tracer* tracer,
                                std::stop_token stop) {
  const auto host = co_await engine.host(stop);
  if (stop.stop_requested()) throw Failure("the query was cancelled");
  if (!host) throw Failure("the embedded ClickHouse engine does not start; what it says stands above");
  if (!host->serves_tenants)
    throw Failure("the embedded ClickHouse engine serves no tenants here: this kernel cannot keep it from other files");
  co_await answer(ch::embedded::limited_user_of(*host), std::move(query), tracer, stop);
}

asio::awaitable<void> answer_embedded(const settings::Settings& settings, analytics::TenantQuery query, telemetry::Tracer* tracer,
                                      std::stop_token stop) {
  const auto folder = clickhouse_folder(settings);
  if (!std::filesystem::exists(folder / "data"))
    throw Failure("there is no ClickHouse in " + folder.string() +
                  " yet: `tributary serve` or `tributary sync --once` fills it, or name another with clickhouse.folder");
  BorrowedEngine engine(co_await asio::this_coro::executor, settings, folder, load_mappings(settings));
  std::exception_ptr failure;
  try {
    co_await answer_of(engine, std::move(query), tracer, stop);
  } catch (...) {
    failure = std::current_exception();
  }
  co_await engine.end();
  if (failure) std::rethrow_exception(failure);
}

/// ClickHouse knows no tenants, only rows: of one that is not there it would show none. Where the source cannot be asked, that is left at that.
asio::awaitable<void> check_tenant(const settings::Settings& settings, analytics::Tenant tenant) {
  if (settings.source.url.empty()) co_return;
  bool is_there = true;
  try {
    auto source = co_await open_source(settings);
    is_there = (co_await find_tenancy(source, tenant.project, tenant.branch)).has_value();
  } catch (const std::exception& error) {
    telemetry::log(telemetry::Level::debug, "query", "the source cannot be asked whose rows these are",
                   {{"error", error.what()}});
  }
  if (!is_there)
    throw Failure(fmt::format("there is no project \"{}\" with a branch \"{}\"; `tributary project list` shows those that are",
                              tenant.project, tenant.branch),
                  kBadInput);
}

/// The same until `stop`.
asio::awaitable<void> check_tenant(const settings::Settings& settings, analytics::Tenant tenant, std::stop_token stop) {
  asio::cancellation_signal cancel;
  const std::stop_callback leave(stop, [&] { cancel.emit(asio::cancellation_type::terminal); });  // signals come on this loop
  co_await asio::co_spawn(co_await asio::this_coro::executor, check_tenant(settings, std::move(tenant)),
                          asio::bind_cancellation_slot(cancel.slot(), asio::use_awaitable));
  if (stop.stop_requested()) throw Failure("the query was cancelled");
}

asio::awaitable<int> run(settings::Settings settings, analytics::TenantQuery query, std::stop_token stop) {
  if (settings.clickhouse.use == settings::ClickHouseUse::none)
    throw Failure("there is no ClickHouse to ask: clickhouse.use is none", kBadInput);
  co_await check_tenant(settings, query.tenant, stop);
  telemetry::Metrics metrics;
  std::optional<Tracing> tracing;
  if (auto params = Tracing::Params::from(settings)) {
    tracing.emplace(co_await asio::this_coro::executor, std::move(*params), metrics);
    tracing->start();
  }
  auto* const tracer = tracing ? tracing->tracer() : nullptr;
  std::exception_ptr failure;
  try {
    if (settings.clickhouse.url.empty())
      co_await answer_embedded(settings, std::move(query), tracer, stop);
    else
      co_await answer(clickhouse_tenants(settings), std::move(query), tracer, stop);
  } catch (...) {
    failure = std::current_exception();
  }
  if (tracing) co_await tracing->stop(Deadline::after(kLastSpans));
  if (failure) std::rethrow_exception(failure);
  co_return kDone;
}

int ask(const Options& options, settings::Settings settings) {
  // What goes well, the answer shows.
  if (settings.log.level == telemetry::Level::info) settings.log.level = telemetry::Level::warning;
  telemetry::configure_log(settings.log);
  const auto query = tenant_query(options);
  return run_until_signal([&](std::stop_token stop) { return run(settings, query, stop); });
}

}  // namespace

void add_query(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand("query", "Ask the shared ClickHouse as one tenant, who sees its own rows only");
  command->add_option("statement", options->statement, "One SELECT, in quotes; -, or nothing: from standard input")
      ->type_name("SELECT");
  command->add_option("--project", options->project, "Whose rows are seen")->required()->type_name("PROJECT");
  command->add_option("--branch", options->branch, "Branch of that project")->capture_default_str()->type_name("BRANCH");
  command->add_option("--param", options->params, "Value of a place {name:Type} of the statement; may be given several times")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  auto* format = command->add_option("--format", options->format,
                                     "pretty (the first 1,000 rows), json, jsoneachrow, csv, tsv, vertical, arrow, parquet, or "
                                     "another of ClickHouse's; a FORMAT in the statement wins");
  format->capture_default_str()->type_name("FORMAT");
  command->add_flag("--json", options->json, "The same as --format json")->excludes(format);
  command->add_option("--timeout", options->timeout_s, "Longest time, in seconds")
      ->capture_default_str()
      ->type_name("SECONDS")
      ->check(CLI::Range(1, 120));
  command
      ->add_option("--max-rows", options->most_rows, "Fail where the answer has more rows; 0: ten million in the embedded engine")
      ->capture_default_str()
      ->type_name("N")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1'000'000'000'000}));
  command->callback(
      [&chosen, options] { chosen = [options](const settings::Settings& settings) { return ask(*options, settings); }; });
}

}  // namespace tributary::cli
