#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdio>
#include <memory>

#include "cli/catalog.hpp"
#include "cli/command.hpp"
#include "cli/text.hpp"

namespace tributary::cli {
namespace {

// One statement: a project without its branch is never seen.
constexpr auto kCreateSql = R"(
WITH project AS (
  INSERT INTO "Project" (id, "displayName", description, "createdAt", "updatedAt")
  VALUES ($1, $2, '', now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC')
  ON CONFLICT (id) DO NOTHING
)
INSERT INTO "Tenancy" (id, "projectId", "branchId", "hasNoOrganization", "createdAt", "updatedAt")
VALUES ($3, $1, $4, 'TRUE', now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC')
ON CONFLICT DO NOTHING
)";

struct Options {
  std::string id;
  std::string name;
  std::string branch = "main";
  bool json = false;
};

asio::awaitable<int> create(const settings::Settings& settings, const Options& options) {
  auto source = co_await open_source(settings);
  const auto tenancy = Uuid::random();
  postgres::Params params;
  params.add(options.id).add(options.name.empty() ? options.id : options.name).add(tenancy).add(options.branch);
  const auto result = co_await source.execute(kCreateSql, std::move(params), statement_deadline());
  if (result.affected_rows() == 0) {
    throw Failure("project \"" + options.id + "\" has a branch \"" + options.branch +
                  "\" already; `tributary project list` shows it");
  }
  if (options.json) {
    std::puts(boost::json::serialize(
                  boost::json::object{{"project", options.id}, {"branch", options.branch}, {"tenancy", tenancy.to_string()}})
                  .c_str());
  } else {
    std::printf("Project %s, branch %s: tenancy %s\nNext: tributary destination add %s warehouse --url postgresql://...\n",
                options.id.c_str(), options.branch.c_str(), tenancy.to_string().c_str(), options.id.c_str());
  }
  co_return kDone;
}

asio::awaitable<int> list(const settings::Settings& settings, const Options& options) {
  auto source = co_await open_source(settings);
  const auto projects = co_await list_projects(source);
  if (options.json) {
    boost::json::array array;
    for (const auto& project : projects) {
      array.push_back(boost::json::object{{"project", project.id},
                                          {"name", project.name},
                                          {"branch", project.branch},
                                          {"tenancy", project.tenancy.to_string()},
                                          {"destinations", project.destinations}});
    }
    std::puts(boost::json::serialize(array).c_str());
    co_return kDone;
  }
  Table table({"PROJECT", "BRANCH", "NAME", "TENANCY", "DESTINATIONS"});
  for (const auto& project : projects) {
    table.add({project.id, project.branch, project.name, project.tenancy.to_string(), std::to_string(project.destinations)});
  }
  std::fputs(table.empty() ? "There is no project yet: tributary project create NAME\n" : table.to_string().c_str(), stdout);
  co_return kDone;
}

}  // namespace

void add_project(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand("project", "Create and list projects, the tenants of the source");
  command->require_subcommand(1);

  auto* creating = command->add_subcommand("create", "Create a project, or another branch of one");
  creating->add_option("id", options->id, "Id of the project")
      ->required()
      ->check(
          CLI::Validator([](std::string& id) { return id.empty() ? std::string("must not be empty") : std::string(); }, "ID"));
  creating->add_option("--name", options->name, "Name for people; the id where not given")->type_name("TEXT");
  creating->add_option("--branch", options->branch, "Branch")->capture_default_str()->type_name("BRANCH");
  creating->add_flag("--json", options->json, "Print a JSON object");
  creating->callback([&chosen, options] {
    chosen = [options](const settings::Settings& settings) {
      return run_until_signal([&](std::stop_token) { return create(settings, *options); });
    };
  });

  auto* listing = command->add_subcommand("list", "List projects and their branches");
  listing->add_flag("--json", options->json, "Print a JSON array");
  listing->callback([&chosen, options] {
    chosen = [options](const settings::Settings& settings) {
      return run_until_signal([&](std::stop_token) { return list(settings, *options); });
    };
  });
}

}  // namespace tributary::cli
