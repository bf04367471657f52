#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Checks what libmillrace++.so exports: the API, and only those internals that the inline halves call.
# usage: check_symbols.sh LIBRARY
set -euo pipefail
library=$1

# The slow halves of calls that are inlined into users.
INTERNAL=(
  "millrace::internal::ConsumerHot::Ack()"
  "millrace::internal::ConsumerHot::AckHandled()"
  "millrace::internal::ConsumerHot::NextWaiting(long)"
  "millrace::internal::ConsumerHot::TryNextSlow()"
  "millrace::internal::ConsumerHot::Undeliver(unsigned long, unsigned long)"
  "millrace::internal::ConsumerHot::WrongSize()"
  "millrace::internal::ProducerHot::AddToBatchSlow(void const*, unsigned long, long, bool)"
  "millrace::internal::ProducerHot::TryClaimSlow(unsigned long)"
  "millrace::internal::ProducerHot::TryPublishSlow(void const*, unsigned long)"
  "millrace::internal::ProducerHot::Wake()"
  "millrace::internal::ProducerHot::WhyNoBatch() const"
)
shown=$(nm -DC --defined-only "$library" | cut -d' ' -f3- | sort -u)
api=$(grep -cE '^millrace::(Producer|Consumer|SegmentManager|WaitSet|Merge)::|^millrace::(ErrorOf|ToString|InstallSigbusGuard)\(' <<<"$shown")
other=$(grep -vE '^millrace::(Producer|Consumer|SegmentManager|WaitSet|Merge)::|^millrace::(ErrorOf|ToString|InstallSigbusGuard)\(' <<<"$shown" || true)
if [[ $other != "$(printf '%s\n' "${INTERNAL[@]}" | sort)" ]]; then
  echo "FAILED: shown beside the API (<), or needed and not shown (>):" >&2
  diff <(echo "$other") <(printf '%s\n' "${INTERNAL[@]}" | sort) >&2 || true
  exit 1
fi
((api > 30)) || { echo "FAILED: only $api names of the API are shown" >&2; exit 1; }
echo "$api names of the API and ${#INTERNAL[@]} behind it are shown"
