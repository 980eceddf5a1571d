#include "cli/command.hpp"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/embedded.hpp"

namespace tributary::cli {
namespace {

using namespace std::chrono_literals;

std::string read_mapping_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file.is_open() || file.bad()) throw Failure("cannot read the mapping file " + path.string(), kBadInput);
  return text;
}

std::vector<std::filesystem::path> mapping_files(const std::string& folder) {
  std::error_code error;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  }
  if (error) throw Failure("cannot read mappings.folder " + folder + ": " + error.message(), kBadInput);
  std::ranges::sort(files);
  return files;
}

/// Signals of one run: the first asks for a stop, the second ends the process.
class Signals {
 public:
  Signals(asio::io_context& loop, std::stop_source& stop) : set_(loop, SIGINT, SIGTERM), stop_(stop) { wait(); }
  void cancel() { set_.cancel(); }

 private:
  void wait() {
    set_.async_wait([this](boost::system::error_code error, int signal) {
      if (error) return;
      if (stop_.stop_requested()) std::_Exit(128 + signal);
      stop_.request_stop();
      wait();
    });
  }

  asio::signal_set set_;
  std::stop_source& stop_;
};

}  // namespace

int run_until_signal(std::function<asio::awaitable<int>(std::stop_token stop)> coroutine) {
  asio::io_context loop{1};
  std::stop_source stop;
  Signals signals(loop, stop);
  std::exception_ptr failure;
  int status = kFailed;
  asio::co_spawn(loop, coroutine(stop.get_token()), [&](std::exception_ptr error, int result) {
    failure = error;
    status = result;
    signals.cancel();
  });
  loop.run();
  if (failure) std::rethrow_exception(failure);
  return status;
}

std::vector<mapping::Mapping> load_mappings(const settings::Settings& settings) {
  std::vector<mapping::Problem> problems;
  const auto parse = [&](std::string_view yaml, const std::string& file, std::vector<mapping::Mapping>& into) {
    auto parsed = mapping::parse(yaml, file);
    std::ranges::move(parsed.problems, std::back_inserter(problems));
    if (parsed.mapping) into.push_back(std::move(*parsed.mapping));
  };
  // Two files of the folder that name the same mapping are a mistake; one that names a built-in mapping replaces it.
  std::vector<mapping::Mapping> mappings;
  if (!settings.mappings.folder.empty()) {
    for (const auto& path : mapping_files(settings.mappings.folder)) parse(read_mapping_file(path), path.string(), mappings);
  }
  std::vector<mapping::Mapping> built_in;
  for (const auto& file : embedded_mappings()) parse(file.text, std::string(file.name), built_in);
  for (auto& mapping : built_in) {
    if (std::ranges::find(mappings, mapping.name, &mapping::Mapping::name) == mappings.end())
      mappings.push_back(std::move(mapping));
  }
  if (problems.empty()) problems = mapping::check_together(mappings);
  if (!problems.empty()) throw Failure(mistakes("mappings", problems), kBadInput);
  return mappings;
}

destination::postgres_target::Params destination_params(const settings::Settings& settings) {
  const auto& given = settings.destinations;
  destination::postgres_target::Params params{.connect_timeout = given.connect_timeout,
                                              .max_connections = static_cast<std::size_t>(given.pool),
                                              .idle_timeout = given.idle_timeout};
  params.guard.ca_file = given.ca_file;
  params.guard.most_destinations = static_cast<std::size_t>(given.most_per_project);
  const auto checked = [](const char* name, const auto& check, const std::vector<std::string>& list) {
    try {
      return check(list);
    } catch (const postgres::Error& error) {
      throw Failure(std::string(name) + ": " + error.what(), kBadInput);
    }
  };
  params.guard.addresses = checked("destinations.allow_networks", postgres::Guard::rules_of, given.allow_networks);
  params.guard.fields = checked("destinations.allow_fields", postgres::Guard::fields_of, given.allow_fields);
  return params;
}

postgres::ConnectOptions source_options(const settings::Settings& settings) {
  if (settings.source.url.empty()) {
    throw Failure(
        "no source is set; give --source postgresql://user@host/database, or source.url in the file of --config, or "
        "TRIBUTARY_SOURCE_URL",
        kBadInput);
  }
  try {
    return postgres::ConnectOptions::parse(settings.source.url).with_defaults(settings.source.environment);
  } catch (const postgres::Error& error) {
    throw Failure(std::string("source.url: ") + error.what(), kBadInput);
  }
}

asio::awaitable<postgres::Connection> open_source(postgres::ConnectOptions options) {
  if (!options.keywords.contains("application_name")) options = options.with("application_name", "tributary");
  try {
    co_return co_await postgres::Connection::open(options, Deadline::after(options.connect_timeout));
  } catch (const postgres::Error& error) {
    throw Failure("cannot connect to the source " + options.redacted() + ": " + error.what() +
                  "\n  Check that the server runs and is reachable from here, and user, password and database in source.url.");
  }
}

asio::awaitable<postgres::Connection> open_source(const settings::Settings& settings) {
  return open_source(source_options(settings));
}

Secrets secrets_of(const settings::Settings& settings) {
  auto keys = settings.secrets.key;
  if (!settings.secrets.key_file.empty()) {
    std::ifstream file(settings.secrets.key_file, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    if (!file.is_open() || file.bad()) throw Failure("cannot read secrets.key_file " + settings.secrets.key_file, kBadInput);
    keys += '\n' + text;
  }
  try {
    return Secrets(keys);
  } catch (const SecretError& error) {
    throw Failure(error.what(), kBadInput);
  }
}

Deadline statement_deadline() { return Deadline::after(60s); }

}  // namespace tributary::cli
