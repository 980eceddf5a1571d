#pragma once
#include <span>
#include <string_view>

/// What is thrown at the parsers of foreign bytes. Each target takes any input; what it may throw is caught inside, and an answer that contradicts
/// itself ends the process (require()). Corpora stand in tests/fuzz/corpus/<name>/.
namespace tributary::fuzz {

struct Target {
  std::string_view name;
  void (*run)(std::string_view input);
};
std::span<const Target> targets();

/// Aborts where an answer is not what its header promises.
void require(bool holds, const char* promise);

// In the order of targets().
void copy_binary(std::string_view input);
void binary_values(std::string_view input);
void connection_string(std::string_view input);
void mapping_yaml(std::string_view input);
void settings_yaml(std::string_view input);
void tenant_statement(std::string_view input);
void statement_tokens(std::string_view input);
void explain_tree(std::string_view input);
void http_request(std::string_view input);
void request_body(std::string_view input);
void answer_body(std::string_view input);
void exception_text(std::string_view input);
void row_binary(std::string_view input);
void native_block(std::string_view input);
void host_json(std::string_view input);
void clickhouse_url(std::string_view input);
void api_target(std::string_view input);
void config_override(std::string_view input);
void params_json(std::string_view input);

}  // namespace tributary::fuzz
