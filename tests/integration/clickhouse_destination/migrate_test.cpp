#include "fixture.hpp"

namespace tributary::destination::clickhouse_target {
namespace {

class ClickHouseMigrate : public ClickHouseTest {
 protected:
  /// Exit status of `tributary clickhouse migrate`.
  int migrate_by_command(const std::string& password) const {
    test::Process process(TRIBUTARY_BINARY, {"clickhouse", "migrate"},
                          {{"TRIBUTARY_CLICKHOUSE_URL", fmt::format("http://127.0.0.1:{}", server->options().port)},
                           {"TRIBUTARY_CLICKHOUSE_USER", server->options().user},
                           {"TRIBUTARY_CLICKHOUSE_PASSWORD", password}});
    return process.wait().status;
  }
};

TEST_F(ClickHouseMigrate, MakesTheServerOfTheSettingsReadyAndSaysWhatDiffers) {
  EXPECT_EQ(migrate_by_command("not it"), 1);
  EXPECT_EQ(ask("SELECT count() FROM system.databases WHERE name = 'analytics_internal'"), "0");
  EXPECT_EQ(migrate_by_command(server->options().password), 0);
  EXPECT_EQ(migrate_by_command(server->options().password), 0);
  EXPECT_EQ(migrate(Extent::missing).statements, 8U) << "an installation makes it its own: bookkeeping and views";

  ask("ALTER TABLE analytics_internal.teams DROP COLUMN display_name, ADD COLUMN display_name UInt8");
  EXPECT_EQ(migrate_by_command(server->options().password), 3);
}

}  // namespace
}  // namespace tributary::destination::clickhouse_target
