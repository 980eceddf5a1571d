#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <memory>

#include "cli/catalog.hpp"
#include "cli/command.hpp"
#include "cli/text.hpp"
#include "destination/postgres/destination.hpp"
#include "directory/configuration.hpp"
#include "postgres/transaction.hpp"

namespace tributary::cli {
namespace {

// Of tenancies that are gone and wait for this destination to apply their tombstones: they wait no more, and what is remembered of its troubles goes too.
constexpr auto kGiveUpSql = R"(
WITH given_up AS (
  UPDATE tributary.deleted_tenancy
  SET destinations = destinations - $2
  WHERE "projectId" = $1 AND destinations ? $2
  RETURNING "tenancyId"
), states AS (
  DELETE FROM tributary.destination_state WHERE destination_id = $2 AND tenancy_id IN (SELECT "tenancyId" FROM given_up)
), refused AS (
  DELETE FROM tributary.quarantine WHERE destination_id = $2 AND tenancy_id IN (SELECT "tenancyId" FROM given_up)
), added AS (
  DELETE FROM tributary.added_destination WHERE destination_id = $2 AND tenancy_id IN (SELECT "tenancyId" FROM given_up)
)
SELECT count(*) FROM given_up
)";
constexpr auto kForgetDeletedSql = R"(
DELETE FROM tributary.deleted_tenancy
WHERE "projectId" = $1 AND destinations = '{}'
)";

struct Options {
  std::string project;
  std::string branch = "main";
  std::string id;
  std::string url;
  bool replace = false;
  bool no_test = false;
  bool deleted = false;
  bool json = false;
};

postgres::ConnectOptions parse_url(const settings::Settings& settings, const std::string& url) {
  try {
    return destination::postgres_target::connect_options(url, Uuid(), destination_params(settings));
  } catch (const postgres::Error& error) {
    throw Failure(std::string("--url: ") + error.what(), kBadInput);
  }
}

asio::awaitable<destination::postgres_target::Check> reach(const settings::Settings& settings, const std::string& url) {
  co_return co_await destination::postgres_target::check(
      parse_url(settings, url), Deadline::after(settings.destinations.connect_timeout + settings.sync.apply_timeout));
}

asio::awaitable<int> add(const settings::Settings& settings, const Options& options) {
  parse_url(settings, options.url);
  auto source = co_await open_source(settings);
  if (!co_await find_tenancy(source, options.project, options.branch)) {
    throw Failure("there is no project \"" + options.project + "\" with a branch \"" + options.branch +
                  "\"; `tributary project list` shows them, `tributary project create` makes one");
  }
  if (!options.no_test) {
    const auto check = co_await reach(settings, options.url);
    if (!check.ok)
      throw Failure(check.message +
                    "\n  Nothing was added. With --no-test it is added all the same, and tried again until it works.");
  }
  if (!co_await directory::put_destination(source, options.project, options.id,
                                           {.connection_string = options.url, .branch = options.branch}, options.replace,
                                           secrets_of(settings), destination_params(settings).guard, statement_deadline())) {
    throw Failure("project \"" + options.project + "\" has a destination \"" + options.id + "\" already; --replace changes it");
  }
  std::printf("Destination %s of project %s, branch %s: %s\n", options.id.c_str(), options.project.c_str(),
              options.branch.c_str(), postgres::redacted(options.url).c_str());
  co_return kDone;
}

asio::awaitable<int> give_up(const settings::Settings& settings, const Options& options) {
  auto source = co_await open_source(settings);
  const auto deadline = statement_deadline();
  auto transaction = co_await postgres::Transaction::begin(source, postgres::TransactionMode::read_committed, deadline);
  postgres::Params params;
  params.add(options.project).add(options.id);
  const auto given_up = co_await source.execute(kGiveUpSql, std::move(params), deadline);
  if (given_up.get<std::int64_t>(0, 0) == 0) {
    co_await transaction.rollback(deadline);
    throw Failure("no deleted project \"" + options.project + "\" waits for a destination \"" + options.id +
                  "\"; `tributary status --all` shows them");
  }
  postgres::Params project;
  project.add(options.project);
  co_await source.execute(kForgetDeletedSql, std::move(project), deadline);
  co_await transaction.commit(deadline);
  std::printf("Gave up destination %s of the deleted project %s. Its database keeps whatever rows it has.\n", options.id.c_str(),
              options.project.c_str());
  co_return kDone;
}

asio::awaitable<int> remove(const settings::Settings& settings, const Options& options) {
  if (options.deleted) co_return co_await give_up(settings, options);
  constexpr auto kAdvice = "`tributary destination list` shows them (--deleted is for one of a deleted project)";
  auto source = co_await open_source(settings);
  try {
    if (!co_await directory::remove_destination(source, options.project, options.id, statement_deadline()))
      throw Failure(fmt::format("project \"{}\" has no destination \"{}\"; {}", options.project, options.id, kAdvice));
  } catch (const directory::Error& error) {
    if (error.refusal() != directory::Refusal::project_not_found) throw;
    throw Failure(fmt::format("there is no project \"{}\"; {}", options.project, kAdvice));
  }
  std::printf("Removed destination %s of project %s. Its database keeps its tables as they are.\n", options.id.c_str(),
              options.project.c_str());
  co_return kDone;
}

asio::awaitable<int> list(const settings::Settings& settings, const Options& options) {
  auto source = co_await open_source(settings);
  Selection selection;
  if (!options.project.empty()) selection.project = options.project;
  const auto rows = co_await list_destinations(source, std::move(selection), secrets_of(settings));
  if (options.json) {
    boost::json::array array;
    for (const auto& row : rows) {
      array.push_back(boost::json::object{{"project", row.project},
                                          {"branch", row.branch},
                                          {"destination", row.id},
                                          {"type", row.type},
                                          {"url", postgres::redacted(row.connection_string)},
                                          {"tenancy", row.tenancy.to_string()}});
    }
    std::puts(boost::json::serialize(array).c_str());
    co_return kDone;
  }
  Table table({"PROJECT", "BRANCH", "DESTINATION", "TYPE", "URL"});
  for (const auto& row : rows) table.add({row.project, row.branch, row.id, row.type, postgres::redacted(row.connection_string)});
  std::fputs(table.empty() ? "There is no destination yet: tributary destination add PROJECT ID --url postgresql://...\n"
                           : table.to_string().c_str(),
             stdout);
  co_return kDone;
}

asio::awaitable<std::string> url_of(const settings::Settings& settings, const Options& options) {
  if (!options.url.empty()) co_return options.url;
  if (options.project.empty() || options.id.empty()) throw Failure("say which: PROJECT and ID, or --url", kBadInput);
  auto source = co_await open_source(settings);
  Selection selection;
  selection.project = options.project;
  selection.branch = options.branch;
  selection.destination = options.id;
  const auto rows = co_await list_destinations(source, std::move(selection), secrets_of(settings));
  if (rows.empty()) {
    throw Failure("project \"" + options.project + "\", branch \"" + options.branch + "\" has no destination \"" + options.id +
                  "\"; `tributary destination list` shows them");
  }
  co_return rows.front().connection_string;
}

asio::awaitable<int> test(const settings::Settings& settings, const Options& options) {
  const auto url = co_await url_of(settings, options);
  const auto check = co_await reach(settings, url);
  if (options.json) {
    std::puts(boost::json::serialize(
                  boost::json::object{{"ok", check.ok}, {"server_version", check.server_version}, {"message", check.message}})
                  .c_str());
    co_return check.ok ? kDone : kFailed;
  }
  if (!check.ok) throw Failure(postgres::redacted(url) + ": " + check.message);
  std::printf("%s: PostgreSQL %s, and tables can be made\n", postgres::redacted(url).c_str(), check.server_version.c_str());
  co_return kDone;
}

/// Ids become keys of JSON and parts of messages.
const CLI::Validator kId(
    [](std::string& id) -> std::string {
      const auto plain = [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.'; };
      return !id.empty() && std::ranges::all_of(id, plain) ? "" : "must be letters, digits, '-', '_' and '.'";
    },
    "ID");

}  // namespace

void add_destination(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand("destination", "Say where a project's rows go");
  command->require_subcommand(1);
  const auto subcommand = [&](const char* name, const char* help, auto work) {
    auto* sub = command->add_subcommand(name, help);
    sub->callback([&chosen, options, work] {
      chosen = [options, work](const settings::Settings& settings) {
        return run_until_signal([&](std::stop_token) { return work(settings, *options); });
      };
    });
    return sub;
  };
  const auto add_branch = [&](CLI::App* sub) {
    sub->add_option("--branch", options->branch, "Branch of the project")->capture_default_str()->type_name("BRANCH");
  };

  auto* adding = subcommand("add", "Add a database; its tables are made and filled by whoever runs `serve` or `sync`", add);
  adding->add_option("project", options->project, "Project")->required()->type_name("PROJECT");
  adding->add_option("id", options->id, "Name of the destination within its project")->required()->check(kId);
  adding->add_option("--url", options->url, "Connection string: postgresql://user:password@host/database")
      ->required()
      ->type_name("URL");
  add_branch(adding);
  adding->add_flag("--replace", options->replace, "Change a destination of this id");
  adding->add_flag("--no-test", options->no_test, "Do not connect to it first");

  auto* removing = subcommand("remove", "Send a database no more rows; its tables stay", remove);
  removing->add_option("project", options->project, "Project")->required()->type_name("PROJECT");
  removing->add_option("id", options->id, "Destination")->required()->check(kId);
  removing->add_flag("--deleted", options->deleted,
                     "Give up a database of a deleted project or branch whose rows cannot be removed from it");

  auto* listing = subcommand("list", "List destinations, without their passwords", list);
  listing->add_option("--project", options->project, "Of this project only")->type_name("PROJECT");
  listing->add_flag("--json", options->json, "Print a JSON array");

  auto* testing = subcommand("test", "Connect to a destination and see whether it can take rows", test);
  testing->add_option("project", options->project, "Project")->type_name("PROJECT");
  testing->add_option("id", options->id, "Destination")->type_name("ID");
  testing->add_option("--url", options->url, "A database that is not added yet")->type_name("URL");
  add_branch(testing);
  testing->add_flag("--json", options->json, "Print a JSON object");
}

}  // namespace tributary::cli
