#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstdlib>
#include <deque>
#include <ostream>

#include "support/application.hpp"
#include "support/service.hpp"

// Whatever an application does to its tables, every destination ends equal to its source.
//
// The seed is printed; RC_PARAMS="seed=…" runs the same operations again (how the service's own steps fall between them is the clock's). As many cases
// as TRIBUTARY_MODEL_SECONDS allow, each with TRIBUTARY_MODEL_STEPS operations.

namespace tributary::test {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kClients = 4;
constexpr std::size_t kServices = 2;
constexpr auto kLimit = 60s;

int number_from(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoi(text);
}

struct Step {
  std::size_t client = 0;
  Operation operation;
};
std::ostream& operator<<(std::ostream& out, const Step& step) {
  return out << "\n  client " << step.client << ": " << step.operation;
}

struct Scenario {
  int small_rows = 1;
  int load_rows = 1;
  std::size_t restart_at = 0;  ///< before this step one of the services is replaced
  std::vector<Step> steps;
};
std::ostream& operator<<(std::ostream& out, const Scenario& scenario) {
  out << "small_rows " << scenario.small_rows << ", load_rows " << scenario.load_rows << ", restart at " << scenario.restart_at;
  for (const auto& step : scenario.steps) out << step;
  return out;
}

rc::Gen<Step> any_step() {
  const auto bag = action_bag();
  const auto operation = rc::gen::build<Operation>(
      rc::gen::set(&Operation::action, rc::gen::elementOf(std::vector<Action>(bag.begin(), bag.end()))),
      rc::gen::set(&Operation::tenancy, rc::gen::inRange(0U, Application::kTenancies)),
      rc::gen::set(&Operation::first, rc::gen::inRange(0U, 24U)), rc::gen::set(&Operation::second, rc::gen::inRange(0U, 24U)),
      rc::gen::set(&Operation::number, rc::gen::inRange(0U, 1'000U)));
  return rc::gen::build<Step>(rc::gen::set(&Step::client, rc::gen::inRange(std::size_t{0}, kClients)),
                              rc::gen::set(&Step::operation, operation));
}

rc::Gen<Scenario> any_scenario(std::size_t steps) {
  return rc::gen::resize(
      rc::kNominalSize,
      rc::gen::build<Scenario>(rc::gen::set(&Scenario::small_rows, rc::gen::inRange(2, 12)),
                               rc::gen::set(&Scenario::load_rows, rc::gen::inRange(12, 60)),
                               rc::gen::set(&Scenario::restart_at, rc::gen::inRange(std::size_t{0}, 2 * steps)),
                               rc::gen::set(&Scenario::steps, rc::gen::container<std::vector<Step>>(steps, any_step()))));
}

Service::Params params_of(const Scenario& scenario) {
  Service::Params params;
  params.sequencer.rows_per_batch = 20;
  params.sequencer.rows_per_tenancy = 15;
  params.sequencer.passes_before_waiting = 3;
  params.sequencer.lock_timeout = 20ms;
  params.queue.lease = 300ms;  // renewed each third of it: on a busy machine some run out while their batch is under way
  params.queue.revive_every = 20ms;
  params.sync.small_rows = scenario.small_rows;
  params.sync.load_rows = scenario.load_rows;
  params.sync.load_chunk_bytes = 1'024;
  params.sync.patience = 20ms;
  params.sync.retry = {20ms, 200ms};
  return params;
}

void run_scenario(const Database& source, const Scenario& scenario) {
  const Application application(source);
  std::deque<std::unique_ptr<Service>> services;  // two processes, as far as leases, fences and shards are concerned
  const auto start_one = [&] { services.push_back(std::make_unique<Service>(source, params_of(scenario))); };
  while (services.size() < kServices) start_one();

  std::deque<Client> clients;
  while (clients.size() < kClients) clients.emplace_back(application);
  for (std::size_t i = 0; i < scenario.steps.size(); ++i) {
    if (i == scenario.restart_at) {
      services.pop_front();
      start_one();
    }
    clients[scenario.steps[i].client].perform(scenario.steps[i].operation);
  }
  for (auto& client : clients) client.finish();

  auto session = source.session();
  application.complete(session);
  application.wait_until_equal(kLimit);
  application.delete_everything(kLimit);
}

TEST(Model, EveryDestinationEndsEqualToItsSource) {
  auto params = rc::detail::configuration().testParams;
  const int seconds = number_from("TRIBUTARY_MODEL_SECONDS", 30);
  params.maxSuccess = seconds;  // none takes less than a second
  const auto time_is_up = Deadline::after(std::chrono::seconds(seconds));
  params.disableShrinking = true;  // another run of the same steps is another interleaving
  const auto steps = static_cast<std::size_t>(number_from("TRIBUTARY_MODEL_STEPS", 200));
  const SourceDatabase source;
  std::exception_ptr failure;  // rapidcheck runs a failed case once more: what it leaves behind says nothing new
  const auto result = rc::detail::checkTestable(
      [&] {
        if (time_is_up.expired() && !failure) return;
        const auto scenario = *any_scenario(steps);
        if (failure) std::rethrow_exception(failure);
        try {
          run_scenario(source, scenario);
        } catch (...) {
          failure = std::current_exception();
          throw;
        }
      },
      rc::detail::TestMetadata{.id = "Model", .description = "every destination ends equal to its source"}, params);
  std::ostringstream text;
  rc::detail::printResultMessage(result, text);
  EXPECT_TRUE(result.is<rc::detail::SuccessResult>()) << text.str() << "\nRC_PARAMS=\"seed=" << params.seed << '"';
}

// The model would prove nothing where its statements did nothing.
TEST(Model, EveryOperationIsAccepted) {
  const SourceDatabase source;
  const Application application(source);
  auto session = source.session();
  for (const auto action : action_bag()) {
    session.run(application.sql({.action = Action::recreate_project}));
    session.run(application.sql({.action = Action::create_user, .first = 1}));
    session.run(application.sql({.action = Action::create_team, .second = 1}));
    session.run(application.sql({.action = Action::create_team, .second = 2}));
    if (action == Action::rollback_to_savepoint) continue;  // a client sends it after a savepoint only
    const Operation operation{.action = action, .first = 1, .second = 3};
    session.run("BEGIN");
    EXPECT_EQ(session.attempt(application.sql(operation)), "") << operation;
    session.run("ROLLBACK");
  }
}

}  // namespace
}  // namespace tributary::test
