#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "telemetry/catalog.hpp"

// The files of deploy/ speak of metrics and alerts that are there.
namespace tributary::telemetry {
namespace {

std::string read(const std::string& path) {
  std::ifstream file(TRIBUTARY_SOURCE_DIR "/" + path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::set<std::string> all_of(const std::string& text, const std::regex& pattern) {
  std::set<std::string> found;
  for (std::sregex_iterator match(text.begin(), text.end(), pattern), end; match != end; ++match) found.insert((*match)[1]);
  return found;
}

bool is_a_series(const std::string& name) {
  if (const auto* metric = describe(name)) return metric->kind != MetricKind::histogram;
  for (const std::string suffix : {"_bucket", "_sum", "_count"}) {
    if (!name.ends_with(suffix)) continue;
    const auto* metric = describe(name.substr(0, name.size() - suffix.size()));
    return metric != nullptr && metric->kind == MetricKind::histogram;
  }
  return false;
}

TEST(Deploy, EveryMetricOfDashboardAndAlertsExists) {
  const std::regex pattern(R"(\b(tributary_\w+))");
  for (const auto* path : {"deploy/grafana/tributary.json", "deploy/prometheus/alerts.yml"}) {
    const auto names = all_of(read(path), pattern);
    EXPECT_GT(names.size(), 5U) << path;
    for (const auto& name : names) EXPECT_TRUE(is_a_series(name)) << name << " in " << path;
  }
}

TEST(Deploy, EveryMetricIsOnTheDashboard) {
  const auto dashboard = read("deploy/grafana/tributary.json");
  for (const auto& metric : metric_catalog()) {
    const std::regex named(std::string(metric.name) + R"((_bucket)?[^\w])");
    EXPECT_TRUE(std::regex_search(dashboard, named)) << metric.name;
  }
}

TEST(Deploy, EveryAlertHasItsSectionInTheOperatorsHandbook) {
  const auto alerts = all_of(read("deploy/prometheus/alerts.yml"), std::regex(R"(- alert: (\w+))"));
  EXPECT_EQ(all_of(read("docs/operations.md"), std::regex(R"(### (\w+))")), alerts);
}

}  // namespace
}  // namespace tributary::telemetry
