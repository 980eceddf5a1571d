#include <fmt/chrono.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <memory>
#include <tuple>

#include "cli/command.hpp"
#include "cli/text.hpp"
#include "directory/projects.hpp"
#include "settings/value.hpp"

namespace tributary::cli {
namespace {

namespace json = boost::json;

struct Options {
  std::string id;
  std::string name;
  std::string branch = "main";
  std::string kind = "server";
  std::string key;
  std::string overlap = "24h";
  bool whole = false;
  bool json = false;
};

directory::KeyKind kind_of(const Options& options) {
  return options.kind == "admin" ? directory::KeyKind::admin : directory::KeyKind::server;
}

std::string iso(directory::Timestamp time) { return fmt::format("{:%FT%TZ}", std::chrono::floor<std::chrono::seconds>(time)); }

json::object to_json(const directory::NewKey& key) {
  return {{"id", key.id.to_string()}, {"kind", directory::to_string(key.kind)}, {"key", key.secret}};
}

void print(const directory::NewKey& key) {
  std::printf("%s key   %s\n", std::string(directory::to_string(key.kind)).c_str(), key.secret.c_str());
}

asio::awaitable<int> create(const settings::Settings& settings, const Options& options) {
  auto source = co_await open_source(settings);
  directory::NewProject made;
  try {
    made = co_await directory::create_project(source, options.id, options.name, options.branch, statement_deadline());
  } catch (const directory::Error& error) {
    throw Failure(std::string(error.what()) + "; `tributary project list` shows it");
  }
  const auto tenancy = made.tenancy.id.to_string();
  if (options.json) {
    json::array keys;
    for (const auto& key : made.keys) keys.push_back(to_json(key));
    std::puts(
        json::serialize(json::object{{"project", options.id}, {"branch", options.branch}, {"tenancy", tenancy}, {"keys", keys}})
            .c_str());
    co_return kDone;
  }
  std::printf("Project %s, branch %s: tenancy %s\n", options.id.c_str(), options.branch.c_str(), tenancy.c_str());
  for (const auto& key : made.keys) print(key);
  if (!made.keys.empty()) std::puts("Keep the keys: only their hashes are stored.");
  std::printf("Next: tributary destination add %s warehouse --url postgresql://...\n", options.id.c_str());
  co_return kDone;
}

asio::awaitable<int> remove(const settings::Settings& settings, const Options& options) {
  auto source = co_await open_source(settings);
  const auto branch = options.whole ? std::nullopt : std::optional(options.branch);
  co_await directory::delete_project(source, options.id, branch, statement_deadline());
  std::printf("Deleted %s of project %s, with everything in it.\n",
              options.whole ? "every branch" : ("branch " + options.branch).c_str(), options.id.c_str());
  co_return kDone;
}

/// All of them, by project and branch.
asio::awaitable<std::vector<directory::Project>> list_all(postgres::Connection& source) {
  std::vector<directory::Project> all;
  directory::PageRequest page;
  do {
    auto next = co_await directory::list_projects(source, std::nullopt, page, statement_deadline());
    std::ranges::move(next.items, std::back_inserter(all));
    page.after = next.next;
  } while (page.after);
  std::ranges::sort(all, {}, [](const auto& one) { return std::tie(one.tenancy.project, one.tenancy.branch); });
  co_return all;
}

asio::awaitable<int> list(const settings::Settings& settings, const Options& options) {
  auto source = co_await open_source(settings);
  const auto projects = co_await list_all(source);
  if (options.json) {
    json::array array;
    for (const auto& project : projects) {
      array.push_back(json::object{{"project", project.tenancy.project},
                                   {"name", project.display_name},
                                   {"branch", project.tenancy.branch},
                                   {"tenancy", project.tenancy.id.to_string()},
                                   {"destinations", project.destinations}});
    }
    std::puts(json::serialize(array).c_str());
    co_return kDone;
  }
  Table table({"PROJECT", "BRANCH", "NAME", "TENANCY", "DESTINATIONS"});
  for (const auto& project : projects) {
    const auto& tenancy = project.tenancy;
    table.add(
        {tenancy.project, tenancy.branch, project.display_name, tenancy.id.to_string(), std::to_string(project.destinations)});
  }
  std::fputs(table.empty() ? "There is no project yet: tributary project create NAME\n" : table.to_string().c_str(), stdout);
  co_return kDone;
}

asio::awaitable<int> list_keys(const settings::Settings& settings, const Options& options) {
  auto source = co_await open_source(settings);
  const auto keys = co_await directory::list_keys(source, options.id, statement_deadline());
  if (options.json) {
    json::array array;
    for (const auto& key : keys) {
      json::object object{{"id", key.id.to_string()},
                          {"kind", directory::to_string(key.kind)},
                          {"ends_with", key.hint},
                          {"created_at", iso(key.created_at)}};
      object["expires_at"] = key.expires_at ? json::value(iso(*key.expires_at)) : json::value();
      array.push_back(std::move(object));
    }
    std::puts(json::serialize(array).c_str());
    co_return kDone;
  }
  Table table({"ID", "KIND", "KEY", "CREATED", "VALID UNTIL"});
  for (const auto& key : keys) {
    table.add({key.id.to_string(), std::string(directory::to_string(key.kind)), "..." + key.hint, iso(key.created_at),
               key.expires_at ? iso(*key.expires_at) : ""});
  }
  std::fputs(table.empty() ? ("Project " + options.id + " has no keys yet: tributary project rotate " + options.id + "\n").c_str()
                           : table.to_string().c_str(),
             stdout);
  co_return kDone;
}

asio::awaitable<int> rotate(const settings::Settings& settings, const Options& options) {
  const auto overlap = settings::parse_duration(options.overlap);
  if (!overlap) throw Failure("--overlap must be a duration such as 24h or 0s, not \"" + options.overlap + '"', kBadInput);
  auto source = co_await open_source(settings);
  const auto key = co_await directory::create_key(source, options.id, kind_of(options), *overlap, statement_deadline());
  if (options.json) {
    std::puts(json::serialize(to_json(key)).c_str());
    co_return kDone;
  }
  print(key);
  std::printf("Keep it: only its hash is stored. Older ones of its kind are valid for another %s.\n", options.overlap.c_str());
  co_return kDone;
}

asio::awaitable<int> revoke(const settings::Settings& settings, const Options& options) {
  const auto key = Uuid::parse(options.key);
  if (!key) throw Failure("\"" + options.key + "\" is not the id of a key; `tributary project keys` shows them", kBadInput);
  auto source = co_await open_source(settings);
  co_await directory::revoke_key(source, options.id, *key, statement_deadline());
  std::printf("Revoked key %s of project %s.\n", options.key.c_str(), options.id.c_str());
  co_return kDone;
}

const CLI::Validator kNotEmpty([](std::string& id) { return id.empty() ? std::string("must not be empty") : std::string(); },
                               "ID");

}  // namespace

void add_project(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand("project", "Create, list and delete projects, the tenants of the source, and their keys");
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
  const auto of_project = [&](CLI::App* sub) {
    sub->add_option("id", options->id, "Id of the project")->required()->check(kNotEmpty);
    return sub;
  };
  const auto with_branch = [&](CLI::App* sub) {
    sub->add_option("--branch", options->branch, "Branch")->capture_default_str()->type_name("BRANCH");
  };
  const auto with_json = [&](CLI::App* sub, const char* help) { sub->add_flag("--json", options->json, help); };

  auto* creating = of_project(subcommand("create", "Create a project, with its keys, or another branch of one", create));
  creating->add_option("--name", options->name, "Name for people; the id where not given")->type_name("TEXT");
  with_branch(creating);
  with_json(creating, "Print a JSON object");

  with_json(subcommand("list", "List projects and their branches", list), "Print a JSON array");

  auto* removing = of_project(subcommand("delete", "Delete a branch of a project, with all its users and teams", remove));
  with_branch(removing);
  removing->add_flag("--whole", options->whole, "The project with all its branches");

  with_json(of_project(subcommand("keys", "List the keys of a project, by their last characters", list_keys)),
            "Print a JSON array");

  auto* rotating = of_project(subcommand("rotate", "Make a new key; older ones of its kind end after a while", rotate));
  rotating->add_option("--kind", options->kind, "Whose key: server or admin")
      ->capture_default_str()
      ->check(CLI::IsMember({"server", "admin"}))
      ->type_name("KIND");
  rotating->add_option("--overlap", options->overlap, "How long older ones stay valid")
      ->capture_default_str()
      ->type_name("DURATION");
  with_json(rotating, "Print a JSON object");

  auto* revoking = of_project(subcommand("revoke", "End a key at once", revoke));
  revoking->add_option("key", options->key, "Id of the key, as `project keys` lists it")->required()->type_name("KEY");
}

}  // namespace tributary::cli
