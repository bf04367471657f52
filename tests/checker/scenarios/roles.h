// SPDX-License-Identifier: Apache-2.0
// The roles of a scenario: what each thread does, and what may happen to it.
#ifndef MILLRACE_TESTS_CHECKER_SCENARIOS_ROLES_H_
#define MILLRACE_TESTS_CHECKER_SCENARIOS_ROLES_H_

#include <vector>

#include "tests/checker/scenarios/scenarios.h"

namespace millrace::checker {

inline Machine::Role Plain(const char* name, void (*body)()) {
  Machine::Role role;
  role.name = name;
  role.body = body;
  return role;
}

inline Machine::Role First(void (*body)(), bool registered) {
  Machine::Role role = Plain("producer", body);
  role.registered = registered;
  role.born_with = &world->producer_lock;
  return role;
}

inline Machine::Role Next(void (*body)(), bool registered) {
  Machine::Role role = Plain("successor", body);
  role.registered = registered;
  return role;
}

inline Machine::Role Gated(Machine::Role role, int gate) {
  role.born_with = &world->gates[gate];
  return role;
}

inline Machine::Role Pausing(Machine::Role role, Site site) {
  role.pauses_at = site;
  role.until = &world->gates[2];
  return role;
}

inline Machine::Role Registered(Machine::Role role) {
  role.registered = true;
  return role;
}

inline Machine::Role GivesCue(Machine::Role role) {
  role.registered = true;
  return Gated(role, 2);
}

inline Machine::Role Mortal(Machine::Role role) {
  role.may_die = true;
  return role;
}

// Lets the thread die or stop only while it reads. While it joins its group or leaves it, it may have the
// group's lock.
inline Machine::Role WhileReading(Machine::Role role) {
  role.only_stage = 1;
  return role;
}

inline Machine::Role Stoppable(Machine::Role role) {
  role.may_stop = true;
  return role;
}

constexpr uint64_t kNearEnd = 304;  // in the first lap: padding precedes the third message

void AddGroupScenarios(std::vector<Scenario>* all);

}  // namespace millrace::checker

#endif  // MILLRACE_TESTS_CHECKER_SCENARIOS_ROLES_H_
