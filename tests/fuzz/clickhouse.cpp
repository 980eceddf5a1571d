#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "clickhouse/block.hpp"
#include "clickhouse/detail/compression.hpp"
#include "clickhouse/detail/exception_text.hpp"
#include "clickhouse/detail/request.hpp"
#include "clickhouse/embedded/host.hpp"
#include "clickhouse/embedded/request.hpp"
#include "clickhouse/embedded/statement.hpp"
#include "clickhouse/embedded/tenant_rules.hpp"
#include "clickhouse/error.hpp"
#include "clickhouse/row_reader.hpp"
#include "clickhouse/tenant_message.hpp"
#include "clickhouse/tenant_statement.hpp"
#include "fuzz/targets.hpp"

namespace tributary::fuzz {
namespace {

namespace ch = clickhouse;
namespace embedded = ch::embedded;

// What a few bytes may be blown up to before it is enough.
constexpr std::size_t kMostOutput = std::size_t{4} << 20;

unsigned char take(std::string_view& input) {
  if (input.empty()) return 0;
  const auto first = static_cast<unsigned char>(input.front());
  input.remove_prefix(1);
  return first;
}

}  // namespace

void tenant_statement(std::string_view input) {
  try {
    const auto plain = ch::tenant_statement(input);
    require(ch::tenant_statement(plain) == plain, "what was screened passes as it is");
    const auto statement = embedded::look_at(plain);
    require(statement.kind == embedded::Statement::Kind::read, "only a SELECT passes");
    require(!embedded::Lexer(statement.tail).next(), "and nothing behind it");
  } catch (const ch::StatementRefused& refused) {
    require(refused.code() != 0 && *refused.what() != '\0', "a refusal says what it is");
  }
}

void statement_tokens(std::string_view input) {
  std::size_t end = 0;
  for (embedded::Lexer lexer(input); const auto token = lexer.next();) {
    require(token->at >= end && token->end() <= input.size() && !token->value.empty(), "tokens follow each other in the text");
    require(token->value == input.substr(token->at, token->value.size()), "a token is a part of the text");
    end = token->end();
  }
  for (const bool complete : {true, false}) {
    const auto statement = embedded::look_at(input, complete);
    require(statement.data <= input.size(), "data begin inside of the text");
  }
}

void explain_tree(std::string_view input) { embedded::TenantRules().check_tree(input); }

/// Method, target and headers, a line each, as the HTTP parser hands them over.
void http_request(std::string_view input) {
  const auto line = [&] {
    const auto end = std::min(input.find('\n'), input.size());
    const auto text = input.substr(0, end);
    input.remove_prefix(std::min(end + 1, input.size()));
    return std::string(text);
  };
  embedded::Head head{.method = line(), .target = line(), .headers = {}};
  while (!input.empty()) {
    const auto header = line();
    const auto colon = std::min(header.find(':'), header.size());
    head.headers[header.substr(0, colon)] = header.substr(std::min(colon + 1, header.size()));
  }
  try {
    const auto query = embedded::read_query(head);
    embedded::tenant_comment(query, "tag");
    embedded::tenant_settings(query, {{"max_rows_to_read", 10}});
    embedded::authenticate(query, {.admin_password = "a", .tenant_password = "t"});
    require(query.password == "a" || query.password == "t", "nobody gets in without the password");
  } catch (const embedded::EngineFailure& failure) {
    require(failure.error().code != 0, "a refusal has a code");
  }
}

void request_body(std::string_view input) {
  constexpr std::array kEncodings{embedded::Encoding::gzip, embedded::Encoding::deflate, embedded::Encoding::lz4,
                                  embedded::Encoding::zstd};
  const auto encoding = kEncodings[take(input) % kEncodings.size()];
  try {
    const auto decoder = embedded::make_decoder(encoding);
    std::array<char, 4'096> output;
    std::size_t total = 0;
    decoder->put(input);
    while (const auto size = decoder->take(output)) {
      require(size <= output.size(), "no more is filled than there is room");
      if ((total += size) > kMostOutput) return;
    }
    decoder->finish();
    while (decoder->take(output) > 0 && (total += output.size()) <= kMostOutput) {
    }
  } catch (const embedded::CodecError&) {
  }
}

void answer_body(std::string_view input) {
  ch::detail::Decompressor decompressor(take(input) % 2 == 0 ? ch::Compression::lz4 : ch::Compression::zstd);
  auto packed = std::as_bytes(std::span(input));
  std::array<std::byte, 4'096> output;
  std::size_t total = 0;
  try {
    while (const auto size = decompressor.read(packed, output)) {
      require(size <= output.size(), "no more is filled than there is room");
      if ((total += size) > kMostOutput) return;
    }
    require(packed.empty(), "nothing is left over silently");
  } catch (const ch::Error& error) {
    require(error.kind() == ch::ErrorKind::protocol, "foreign bytes are a protocol error");
  }
}

/// The first two bytes: whether there is a tag, and how long the pieces are.
void exception_text(std::string_view input) {
  ch::detail::ExceptionScanner scanner(take(input) % 2 == 0 ? "" : "abcdefghijklmnop");
  const std::size_t piece = 1 + take(input);
  std::size_t data = 0;
  for (auto rest = std::as_bytes(std::span(input)); !rest.empty();) {
    const auto next = rest.first(std::min(piece, rest.size()));
    data += scanner.data(next).size();
    rest = rest.subspan(next.size());
  }
  require(data + scanner.rest().size() <= input.size(), "no data are made up");
  scanner.exception();
  if (const auto exception = ch::detail::parse_exception(input)) ch::tenant_message(exception->code, exception->message);
  ch::detail::parse_summary(input);
}

void row_binary(std::string_view input) {
  auto kinds = input.substr(0, std::min<std::size_t>(input.size(), 8));
  ch::RowReader reader(std::as_bytes(std::span(input.substr(kinds.size()))));
  try {
    while (reader.more() && !kinds.empty()) {
      switch (take(kinds) % 6) {
        case 0:
          reader.uint8();
          break;
        case 1:
          reader.int32();
          break;
        case 2:
          reader.int64();
          break;
        case 3:
          reader.uuid();
          break;
        case 4:
          reader.float64();
          break;
        default:
          reader.string();
      }
    }
  } catch (const ch::Error& error) {
    require(error.kind() == ch::ErrorKind::protocol, "foreign bytes are a protocol error");
  }
}

/// Fields: a column, a length (255: NULL), and as many bytes.
void native_block(std::string_view input) {
  using ch::ColumnType;
  std::vector<ch::ColumnDefinition> columns;
  for (const auto type :
       {ColumnType::string, ColumnType::json_text, ColumnType::uuid, ColumnType::boolean, ColumnType::int16, ColumnType::int32,
        ColumnType::int64, ColumnType::uint64, ColumnType::float64, ColumnType::milliseconds, ColumnType::microseconds}) {
    columns.push_back({.name = "c" + std::to_string(columns.size()), .type = type, .nullable = columns.size() % 2 == 0});
  }
  columns.push_back({.name = "l", .type = ColumnType::string, .nullable = true, .low_cardinality = true});
  ch::Block block(columns);
  while (!input.empty()) {
    try {
      for (std::size_t column = 0; column < block.columns(); ++column) {
        const std::size_t length = take(input);
        const auto bytes = input.substr(0, length);
        if (length == 255) {
          block.append(column, std::nullopt);
        } else {
          block.append(column, std::as_bytes(std::span(bytes)));
          input.remove_prefix(bytes.size());
        }
      }
      block.end_row();
    } catch (const ch::Error& error) {
      require(error.kind() == ch::ErrorKind::usage, "a value that does not fit");
      block.discard_row();
    }
  }
  std::vector<std::byte> bytes;
  block.serialise(bytes);
  require(bytes.empty() == (block.rows() == 0), "rows become bytes");
}

void host_json(std::string_view input) {
  if (const auto line = embedded::ReadyLine::parse(input)) {
    require(embedded::ReadyLine::parse(line->to_string()).has_value(), "what was written can be read");
  }
}

void clickhouse_url(std::string_view input) {
  try {
    const auto options = ch::ConnectOptions::parse(input);
    require(!options.host.empty() && options.port != 0, "a server has a name and a port");
    options.redacted();
  } catch (const ch::Error& error) {
    require(error.kind() == ch::ErrorKind::usage, "a bad URL is the caller's");
  }
}

}  // namespace tributary::fuzz
