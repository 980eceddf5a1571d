#pragma once
#include <array>
#include <iosfwd>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "support/clickhouse_compare.hpp"
#include "support/database.hpp"

namespace tributary::test {

/// One thing that an application does to its tables. Few users, channels and teams, so that transactions meet.
enum class Action {
  begin,
  begin_repeatable_read,
  commit,
  rollback,
  savepoint,
  rollback_to_savepoint,
  create_user,
  update_user,
  delete_user,
  recreate_user,
  rekey_user,
  move_user,
  create_channel,
  update_channel,
  delete_channel,
  recreate_channel,
  move_channel,
  switch_primary,
  create_team,
  update_team,
  delete_team,
  rekey_team,
  create_member,
  update_member,
  delete_member,
  move_member,
  create_many,
  update_many,
  delete_many,
  truncate_users,
  truncate_channels,
  truncate_members,
  truncate_teams,
  create_tenancy,
  create_other_tenancy,
  delete_tenancy,
  recreate_tenancy,
  rekey_tenancy,
  create_project,
  delete_project,
  recreate_project,
};

struct Operation {
  Action action{};
  unsigned tenancy = 0;  ///< 0 to kTenancies - 1, by its project: the id behind it changes
  unsigned first = 0;    ///< these name a user, a channel, a team
  unsigned second = 0;
  unsigned number = 0;   ///< makes values differ
};
std::ostream& operator<<(std::ostream& out, const Operation& operation);

/// Each action as often as it should come: pick one of these at random.
std::span<const Action> action_bag();
Operation random_operation(std::mt19937_64& random);

/// Tenancies of a project each in one source, each with two databases of its customer's.
class Application {
 public:
  /// What operations change, again and again: they are numbered from 0.
  static constexpr unsigned kTenancies = 3;
  /// The number of one more, which no operation changes; a Load keeps it, so that what is lost there stays lost.
  static constexpr unsigned kLedger = kTenancies;
  static constexpr unsigned kDestinations = 2;

  /// `destination_port`: by which its destinations are reached; empty: their own.
  explicit Application(const Database& source, std::string destination_port = "");
  const Database& source() const { return source_; }
  std::string sql(const Operation& operation) const;

  /// Makes the projects and tenancies that are missing, with a user each, so that there is something to compare. Not of the ledger: nothing must come after what is
  /// lost there.
  void complete(Session& session) const;
  /// Waits until every destination has its tenancy's rows and no others, and the queue is empty. Throws with the first differences.
  void wait_until_equal(std::chrono::seconds limit) const;
  /// Waits until the ledger's first destination has something that it lacked at the call: somebody is at work. It needs a Load.
  void wait_for_progress(std::chrono::seconds limit) const;
  /// How the shared ClickHouse names a tenancy, and its present id; one that is not there has none that anybody has.
  TenantName tenant(Session& session, unsigned tenancy) const;
  /// Deletes everything, the ledger last, and waits until every destination is empty and the deleted tenancies are forgotten.
  void delete_everything(std::chrono::seconds limit) const;

 private:
  std::string create_project(unsigned tenancy) const;
  void complete(Session& session, unsigned tenancy) const;
  void wait_until_equal(Session& session, unsigned tenancy, std::chrono::seconds limit) const;
  /// The projects of which this SQL is true.
  void delete_projects(Session& session, std::string_view condition, std::chrono::seconds limit) const;

  const Database& source_;
  const std::string destination_port_;
  std::array<std::array<Database, kDestinations>, kTenancies + 1> customers_;
};

/// Waits until the shared ClickHouse shows each tenancy its rows and no others. Throws with the first differences.
void expect_equal_views(Session& source, const Application& application, const AskClickHouse& ask, std::chrono::seconds limit);
void expect_equal_views(Session& source, const Application& application, const ClickHouse& clickhouse,
                        std::chrono::seconds limit);

/// A connection of the application. A statement may be refused (a constraint, somebody else's lock): then its transaction is rolled back, as any
/// application would. Any other error is a mistake of this test and throws.
class Client {
 public:
  explicit Client(const Application& application);
  void perform(const Operation& operation);
  void finish();  ///< commits what is open

 private:
  const Application& application_;
  Session session_;
  bool in_transaction_ = false;
  bool has_savepoint_ = false;
};

}  // namespace tributary::test
