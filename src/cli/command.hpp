#pragma once
#include <boost/asio/awaitable.hpp>

#include <functional>
#include <span>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/secrets.hpp"
#include "destination/postgres/destination.hpp"
#include "mapping/mapping.hpp"
#include "postgres/connection.hpp"
#include "settings/settings.hpp"

/// What the subcommands share.
namespace CLI {
class App;
}

namespace tributary::cli {

namespace asio = boost::asio;

/// Exit statuses, the same for every subcommand.
inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;      ///< something could not be done: the source is not there, a statement failed
inline constexpr int kBadInput = 2;    ///< a flag, a setting, a mapping file: nothing was begun
inline constexpr int kIncomplete = 3;  ///< done, but something needs attention: a destination that does not take its rows

/// Says what is wrong and what to do about it; main prints the sentence and exits with `status`.
class Failure : public std::runtime_error {
 public:
  explicit Failure(const std::string& message, int status = kFailed) : std::runtime_error(message), status_(status) {}
  int status() const { return status_; }

 private:
  int status_;
};

/// A subcommand that was chosen on the command line, with its flags. Returns the exit status.
using Action = std::function<int(const settings::Settings&)>;

/// "the mappings have 2 mistakes:" and each on a line of its own.
template <class Problem>
std::string mistakes(std::string_view where, const std::vector<Problem>& problems) {
  auto text = "the " + std::string(where) + " have " + std::to_string(problems.size()) +
              (problems.size() == 1 ? " mistake:" : " mistakes:");
  for (const auto& problem : problems) text += "\n  " + problem.to_string();
  return text;
}

/// Each adds a subcommand to the command line; when it is chosen, it puts its action into `chosen`, which lives as long as `app`.
void add_serve(CLI::App& app, Action& chosen);
void add_migrate(CLI::App& app, Action& chosen);
void add_sync(CLI::App& app, Action& chosen);
void add_status(CLI::App& app, Action& chosen);
void add_top(CLI::App& app, Action& chosen);
void add_project(CLI::App& app, Action& chosen);
void add_destination(CLI::App& app, Action& chosen);
void add_mapping(CLI::App& app, Action& chosen);
void add_clickhouse(CLI::App& app, Action& chosen);
void add_query(CLI::App& app, Action& chosen);
void add_retry(CLI::App& app, Action& chosen);
void add_pause(CLI::App& app, Action& chosen);  ///< and resume
void add_verify(CLI::App& app, Action& chosen);
void add_resync(CLI::App& app, Action& chosen);
void add_secrets(CLI::App& app, Action& chosen);
void add_settings(CLI::App& app, Action& chosen);
void add_metrics(CLI::App& app, Action& chosen);
void add_version(CLI::App& app, Action& chosen);
void add_demo(CLI::App& app, Action& chosen);
void add_clickhouse_host(CLI::App& app, Action& chosen);

/// Runs a coroutine on this thread's own event loop to its end. The first SIGINT or SIGTERM requests its stop, a second one ends the process
/// at once (status 130 or 143). What the coroutine throws is rethrown. `executor()` inside is that loop's.
int run_until_signal(std::function<asio::awaitable<int>(std::stop_token stop)> coroutine);

/// The mappings in force: the built-in ones, replaced and joined by those of mappings.folder. Throws Failure{kBadInput} with every mistake.
std::vector<mapping::Mapping> load_mappings(const settings::Settings& settings);

/// How destinations are connected to, and what tenants may write. Throws Failure{kBadInput} where a list holds what it must not.
destination::postgres_target::Params destination_params(const settings::Settings& settings);

/// Throws Failure{kBadInput} where source.url is not set or is no connection string.
postgres::ConnectOptions source_options(const settings::Settings& settings);
/// Throws Failure that names the server and says what to do where it cannot be reached.
asio::awaitable<postgres::Connection> open_source(postgres::ConnectOptions options);
asio::awaitable<postgres::Connection> open_source(const settings::Settings& settings);  ///< with source_options()

/// The keys of secrets.key and secrets.key_file. Throws Failure{kBadInput}.
Secrets secrets_of(const settings::Settings& settings);

/// "0.1.0"
std::string_view program_version();

/// How long any statement of a subcommand may take.
Deadline statement_deadline();

}  // namespace tributary::cli
