// SPDX-License-Identifier: Apache-2.0
#include "runtime/c/errors.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <new>

#include "millrace/outcome.h"

namespace millrace::c {
namespace {

// Plain bytes, so that a thread's end and the unloading of the library have nothing to destroy.
thread_local char error_text[2048];

void SetText(std::string_view first, std::string_view colon, std::string_view rest) noexcept {
  char* to = error_text;
  char* const end = error_text + sizeof error_text - 1;
  for (const std::string_view part : {first, colon, rest}) {
    const size_t n = std::min(part.size(), static_cast<size_t>(end - to));
    std::memcpy(to, part.data(), n);
    to += n;
  }
  // Does not cut in the middle of a UTF-8 character.
  if (to == end) {
    while (to > error_text && (static_cast<unsigned char>(to[-1]) & 0xC0) == 0x80) --to;
    if (to > error_text && static_cast<unsigned char>(to[-1]) >= 0xC0) --to;
  }
  *to = '\0';
}

constexpr const char* kErrorNames[] = {
    "MILLRACE_OK",
    "MILLRACE_E_OTHER",
    "MILLRACE_E_BAD_ARGUMENT",
    "MILLRACE_E_BAD_NAME",
    "MILLRACE_E_NOT_FOUND",
    "MILLRACE_E_EXISTS",
    "MILLRACE_E_NO_PERMISSION",
    "MILLRACE_E_NO_SPACE",
    "MILLRACE_E_NO_MEMORY_LIMIT",
    "MILLRACE_E_PRODUCER_ALIVE",
    "MILLRACE_E_NO_SEAT",
    "MILLRACE_E_TRUNCATED",
    "MILLRACE_E_NOT_A_RING",
    "MILLRACE_E_LAYOUT_VERSION",
    "MILLRACE_E_BAD_LENGTHS",
    "MILLRACE_E_INCARNATION",
    "MILLRACE_E_SCHEMA",
    "MILLRACE_E_OPTIONS_DIFFER",
    "MILLRACE_E_IN_USE",
    "MILLRACE_E_REMOVED",
    "MILLRACE_E_CLOSED",
    "MILLRACE_E_EVICTED",
    "MILLRACE_E_DAMAGED",
    "MILLRACE_E_TIMED_OUT",
    "MILLRACE_E_FORKED",
    "MILLRACE_E_INTERRUPTED",
    "MILLRACE_E_PRODUCER_GONE",
    "MILLRACE_E_NO_MEMORY",
};
static_assert(std::size(kErrorNames) == static_cast<size_t>(Error::kNoMemory) + 1, "the last Error");

// The numbers are part of the ABI, so the enumerations of C++ must not be reordered.
#define MILLRACE_SAME(c, cpp) static_assert((c) == -static_cast<int>(Error::cpp))
MILLRACE_SAME(MILLRACE_OK, kNone);
MILLRACE_SAME(MILLRACE_E_OTHER, kOther);
MILLRACE_SAME(MILLRACE_E_BAD_ARGUMENT, kBadArgument);
MILLRACE_SAME(MILLRACE_E_BAD_NAME, kBadName);
MILLRACE_SAME(MILLRACE_E_NOT_FOUND, kNotFound);
MILLRACE_SAME(MILLRACE_E_EXISTS, kExists);
MILLRACE_SAME(MILLRACE_E_NO_PERMISSION, kNoPermission);
MILLRACE_SAME(MILLRACE_E_NO_SPACE, kNoSpace);
MILLRACE_SAME(MILLRACE_E_NO_MEMORY_LIMIT, kNoMemoryLimit);
MILLRACE_SAME(MILLRACE_E_PRODUCER_ALIVE, kProducerAlive);
MILLRACE_SAME(MILLRACE_E_NO_SEAT, kNoSeat);
MILLRACE_SAME(MILLRACE_E_TRUNCATED, kTruncated);
MILLRACE_SAME(MILLRACE_E_NOT_A_RING, kNotARing);
MILLRACE_SAME(MILLRACE_E_LAYOUT_VERSION, kLayoutVersion);
MILLRACE_SAME(MILLRACE_E_BAD_LENGTHS, kBadLengths);
MILLRACE_SAME(MILLRACE_E_INCARNATION, kIncarnation);
MILLRACE_SAME(MILLRACE_E_SCHEMA, kSchema);
MILLRACE_SAME(MILLRACE_E_OPTIONS_DIFFER, kOptionsDiffer);
MILLRACE_SAME(MILLRACE_E_IN_USE, kInUse);
MILLRACE_SAME(MILLRACE_E_REMOVED, kRemoved);
MILLRACE_SAME(MILLRACE_E_CLOSED, kClosed);
MILLRACE_SAME(MILLRACE_E_EVICTED, kEvicted);
MILLRACE_SAME(MILLRACE_E_DAMAGED, kDamaged);
MILLRACE_SAME(MILLRACE_E_TIMED_OUT, kTimedOut);
MILLRACE_SAME(MILLRACE_E_FORKED, kForked);
MILLRACE_SAME(MILLRACE_E_INTERRUPTED, kInterrupted);
MILLRACE_SAME(MILLRACE_E_PRODUCER_GONE, kProducerGone);
MILLRACE_SAME(MILLRACE_E_NO_MEMORY, kNoMemory);
#undef MILLRACE_SAME
#define MILLRACE_SAME(c, cpp) static_assert((c) == static_cast<int>(cpp))
MILLRACE_SAME(MILLRACE_SENT_OK, Sent::kOk);
MILLRACE_SAME(MILLRACE_SENT_FULL, Sent::kFull);
MILLRACE_SAME(MILLRACE_SENT_TIMED_OUT, Sent::kTimedOut);
MILLRACE_SAME(MILLRACE_SENT_DROPPED, Sent::kDropped);
MILLRACE_SAME(MILLRACE_SENT_TOO_LARGE, Sent::kTooLarge);
MILLRACE_SAME(MILLRACE_SENT_CLOSED, Sent::kClosed);
MILLRACE_SAME(MILLRACE_SENT_REMOVED, Sent::kRemoved);
MILLRACE_SAME(MILLRACE_SENT_INTERRUPTED, Sent::kInterrupted);
MILLRACE_SAME(MILLRACE_SENT_FORKED, Sent::kForked);
MILLRACE_SAME(MILLRACE_SENT_BAD_ARGUMENT, Sent::kBadArgument);
MILLRACE_SAME(MILLRACE_GOT_MESSAGE, Got::kMessage);
MILLRACE_SAME(MILLRACE_GOT_EMPTY, Got::kEmpty);
MILLRACE_SAME(MILLRACE_GOT_TIMED_OUT, Got::kTimedOut);
MILLRACE_SAME(MILLRACE_GOT_CLOSED, Got::kClosed);
MILLRACE_SAME(MILLRACE_GOT_EVICTED, Got::kEvicted);
MILLRACE_SAME(MILLRACE_GOT_REMOVED, Got::kRemoved);
MILLRACE_SAME(MILLRACE_GOT_DAMAGED, Got::kDamaged);
MILLRACE_SAME(MILLRACE_GOT_INTERRUPTED, Got::kInterrupted);
MILLRACE_SAME(MILLRACE_GOT_FORKED, Got::kForked);
MILLRACE_SAME(MILLRACE_GOT_PRODUCER_GONE, Got::kProducerGone);
MILLRACE_SAME(MILLRACE_GOT_NO_MEMORY, Got::kNoMemory);
#undef MILLRACE_SAME

constexpr const char* kSentNames[] = {
    "MILLRACE_SENT_OK",           "MILLRACE_SENT_FULL",        "MILLRACE_SENT_TIMED_OUT",
    "MILLRACE_SENT_DROPPED",      "MILLRACE_SENT_TOO_LARGE",   "MILLRACE_SENT_CLOSED",
    "MILLRACE_SENT_REMOVED",      "MILLRACE_SENT_INTERRUPTED", "MILLRACE_SENT_FORKED",
    "MILLRACE_SENT_BAD_ARGUMENT",
};
constexpr const char* kGotNames[] = {
    "MILLRACE_GOT_MESSAGE",       "MILLRACE_GOT_EMPTY",       "MILLRACE_GOT_TIMED_OUT",
    "MILLRACE_GOT_CLOSED",        "MILLRACE_GOT_EVICTED",     "MILLRACE_GOT_REMOVED",
    "MILLRACE_GOT_DAMAGED",       "MILLRACE_GOT_INTERRUPTED", "MILLRACE_GOT_FORKED",
    "MILLRACE_GOT_PRODUCER_GONE", "MILLRACE_GOT_NO_MEMORY",
};

}  // namespace

int Fail(const absl::Status& status) noexcept {
  if (status.ok()) return MILLRACE_OK;
  SetText({status.message().data(), status.message().size()}, "", "");
  const Error error = ErrorOf(status);
  return error == Error::kNone ? MILLRACE_E_OTHER : -static_cast<int>(error);
}

int Fail(Error error, std::string_view call, std::string_view why) noexcept {
  SetText(call, ": ", why);
  return -static_cast<int>(error);
}

uint8_t BadSend(std::string_view call, std::string_view why) noexcept {
  SetText(call, ": ", why);
  return MILLRACE_SENT_BAD_ARGUMENT;
}

uint8_t BadRead(std::string_view call, std::string_view why) noexcept {
  SetText(call, ": ", why);
  return MILLRACE_GOT_BAD_ARGUMENT;
}

int FailOfException(std::string_view call) noexcept {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return Fail(Error::kNoMemory, call, "this process has no memory left");
  } catch (const std::exception& exception) {
    return Fail(Error::kOther, call, exception.what());
  } catch (...) {
    return Fail(Error::kOther, call, "a callback has thrown an exception");
  }
}

}  // namespace millrace::c

const char* millrace_error_text(void) { return millrace::c::error_text; }

const char* millrace_error_name(int error) {
  using millrace::c::kErrorNames;
  return error <= 0 && error > -static_cast<int>(std::size(kErrorNames)) ? kErrorNames[-error] : "unknown";
}

const char* millrace_sent_name(uint8_t sent) {
  return sent < std::size(millrace::c::kSentNames) ? millrace::c::kSentNames[sent] : "unknown";
}

const char* millrace_got_name(uint8_t got) {
  if (got == MILLRACE_GOT_BAD_ARGUMENT) return "MILLRACE_GOT_BAD_ARGUMENT";
  return got < std::size(millrace::c::kGotNames) ? millrace::c::kGotNames[got] : "unknown";
}

unsigned millrace_version(void) { return MILLRACE_VERSION; }
