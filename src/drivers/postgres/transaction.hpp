// How a transaction of ours begins.
#pragma once

#include <chrono>
#include <string>

#include "drivers/postgres/connection.hpp"

namespace eventcollect::postgres {

// Settings of the session that a transaction has to know. They are the role's, so that they are the
// same in every session that a pooler lends us.
struct SessionSettings {
  std::chrono::milliseconds statement_timeout{0};  // 0 is none
  bool is_asynchronous = false;                    // synchronous_commit = off
};

// Throws Error, where the database is of no use also as misconfigured.
SessionSettings read_settings(Connection& connection);

// The statements that begin every transaction of ours.
std::string begin_statements(const SessionSettings& settings, Deadline deadline);

}  // namespace eventcollect::postgres
