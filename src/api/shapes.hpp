#pragma once
#include <boost/json.hpp>

#include "directory/contact_channels.hpp"
#include "directory/memberships.hpp"
#include "directory/projects.hpp"
#include "directory/users.hpp"
#include "http/endpoint.hpp"

/// The directory's values as JSON, and the other way round. Pure.
namespace tributary::api {

namespace json = boost::json;
using http::Field;
using http::Schema;

Schema user_schema();
Schema team_schema();
Schema member_profile_schema();
Schema contact_channel_schema();
Schema project_schema();
Schema key_schema();
Schema success_schema();

json::object to_json(const directory::User& user);
json::object to_json(const directory::Team& team);
json::object to_json(const directory::MemberProfile& profile);
json::object to_json(const directory::ContactChannel& channel);
json::object to_json(const directory::Project& project);
json::object to_json(const directory::Key& key);
http::Response success();

// ---- fields of a request, that are there or not ----------------------------------------------------------------------------------------

std::optional<std::string> text_field(const json::object& object, std::string_view name);
std::optional<bool> flag_field(const json::object& object, std::string_view name);
std::optional<Uuid> uuid_field(const json::object& object, std::string_view name);
/// null clears.
directory::Change<std::optional<std::string>> text_or_null_field(const json::object& object, std::string_view name);
directory::Change<std::optional<directory::Json>> json_field(const json::object& object, std::string_view name);

// ---- lists -----------------------------------------------------------------------------------------------------------------------------

/// cursor and limit, and `more`.
std::vector<Field> list_query(std::vector<Field> more);
Schema list_schema(Schema item);
/// Throws http::Error where the cursor is none.
directory::PageRequest page_of(const json::object& query);
[[noreturn]] void refuse_cursor();

template <class T>
http::Response list_response(const directory::Page<T>& page, bool is_paginated) {
  json::array items;
  for (const auto& item : page.items) items.push_back(to_json(item));
  json::object list{{"items", std::move(items)}, {"is_paginated", is_paginated || page.next.has_value()}};
  if (is_paginated || page.next)
    list["pagination"] = {{"next_cursor", page.next ? json::value(page.next->to_string()) : json::value()}};
  return http::Response::of(std::move(list));
}

}  // namespace tributary::api
