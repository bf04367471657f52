// SPDX-License-Identifier: Apache-2.0
// Rings as objects: create, list, inspect, set, evict, find stale, prune, unlink.
#include "check.h"  // first

#include <sys/types.h>
#include <unistd.h>

static const struct millrace_ring_info* Find(const struct millrace_ring_list* list, const char* name) {
  for (size_t i = 0; i < list->count; ++i) {
    if (strcmp(list->rings[i]->name, name) == 0) return list->rings[i];
  }
  return NULL;
}

void TestRings(void) {
  const char* ring = NewRing();
  struct millrace_ring_options options = MILLRACE_RING_OPTIONS_INIT;
  struct millrace_ring_changes changes = MILLRACE_RING_CHANGES_INIT;
  struct millrace_ring_list* list = NULL;
  struct millrace_ring_info* info = NULL;
  options.capacity = 8192;
  options.seats = 8;
  options.keep = 1;
  options.schema = "number:u64";
  CHECK_EQUAL(millrace_create(NULL, ring, &options), 0);
  CHECK_EQUAL(millrace_create("/dev/shm", ring, &options), MILLRACE_E_EXISTS);

  CHECK_EQUAL(millrace_inspect(NULL, ring, &info), 0);
  CHECK_EQUAL(info->size, sizeof *info);
  CHECK(strcmp(info->name, ring) == 0 && strlen(info->incarnation) == 32);
  CHECK(strcmp(info->state, "never_used") == 0 && strcmp(info->schema, "number:u64") == 0);
  CHECK_EQUAL(info->capacity, 8192);
  CHECK_EQUAL(info->max_message, 1024);
  CHECK_EQUAL(info->seats, 8);
  CHECK(info->keep && !info->stale && strlen(info->stale_why) > 0 && strlen(info->damage) == 0);
  CHECK_EQUAL(info->uid, geteuid());
  CHECK_EQUAL(info->mode & 0777, 0600);
  CHECK(info->created_ns != 0 && info->waits_ns == MILLRACE_UNKNOWN && info->full_ns == MILLRACE_UNKNOWN);
  CHECK(!info->producer->alive && info->producer->epoch == 0);
  CHECK_EQUAL(info->consumer_count, 0);
  millrace_ring_info_free(info);

  struct millrace_producer* producer = NULL;
  CHECK_EQUAL(millrace_producer_open(ring, NULL, &producer), 0);
  struct millrace_consumer* consumer = Open(ring, MILLRACE_LOSSLESS);
  struct millrace_consumer* member = Open(ring, MILLRACE_GROUP);
  PublishText(producer, "12345678");
  CHECK_EQUAL(millrace_list(NULL, &list), 0);
  const struct millrace_ring_info* found = Find(list, ring);
  CHECK(found != NULL);
  CHECK(strcmp(found->state, "live") == 0 && found->producer->alive && found->producer->pid == (int)getpid());
  CHECK_EQUAL(found->next_sequence, 1);
  CHECK_EQUAL(found->consumer_count, 2);
  for (size_t i = 0; i < 2; ++i) {
    const struct millrace_seat_info* seat = found->consumers[i];
    CHECK_EQUAL(seat->size, sizeof *seat);
    CHECK(seat->alive && !seat->evicted && seat->pid == (int)getpid());
    CHECK(strcmp(seat->delivery, "lossless") == 0 ||
          (strcmp(seat->delivery, "group") == 0 && strcmp(seat->group, "workers") == 0));
  }
  CHECK_EQUAL(found->group_count, 1);
  CHECK(strcmp(found->groups[0]->name, "workers") == 0);
  CHECK_EQUAL(found->groups[0]->members, 1);
  millrace_ring_list_free(list);

  changes.has_keep = 1;
  changes.has_ring_mode = 1;
  changes.ring_mode = 0640;
  CHECK_EQUAL(millrace_set(NULL, ring, &changes), 0);
  CHECK_EQUAL(millrace_set(NULL, ring, NULL), 0);
  CHECK_EQUAL(millrace_inspect(NULL, ring, &info), 0);
  CHECK(!info->keep && (info->mode & 0777) == 0640);
  millrace_ring_info_free(info);

  CHECK_EQUAL(millrace_remove_group(NULL, ring, "workers"), MILLRACE_E_IN_USE);
  millrace_consumer_free(member);
  CHECK_EQUAL(millrace_remove_group(NULL, ring, "others"), MILLRACE_E_NOT_FOUND);
  CHECK_EQUAL(millrace_unlink(NULL, ring, false), MILLRACE_E_IN_USE);
  millrace_consumer_free(consumer);
  millrace_producer_free(producer);
  CHECK_EQUAL(millrace_unlink(NULL, ring, false), 0);
  CHECK_EQUAL(millrace_inspect(NULL, ring, &info), MILLRACE_E_NOT_FOUND);
  CHECK(info == NULL);
}

void TestStale(void) {
  const char* ring = NewRing();
  struct millrace_stale_list* list = NULL;
  const struct millrace_stale* stale = NULL;
  struct millrace_producer* producer = Create(ring);
  PublishText(producer, "x");
  millrace_producer_free(producer);
  CHECK_EQUAL(millrace_find_stale(NULL, -1, &list), MILLRACE_E_BAD_ARGUMENT);
  CHECK(list == NULL);
  CHECK_EQUAL(millrace_find_stale(NULL, 0, &list), 0);
  for (size_t i = 0; i < list->count; ++i) {
    if (strcmp(list->rings[i]->name, ring) == 0) stale = list->rings[i];
  }
  CHECK(stale != NULL && stale->bytes > 0 && strlen(stale->why) > 0 && stale->owner == (uint32_t)geteuid());

  // In use again, then stale again: the second search decides.
  CHECK_EQUAL(millrace_producer_open(ring, NULL, &producer), 0);
  CHECK_EQUAL(millrace_prune(NULL, stale), MILLRACE_E_IN_USE);
  millrace_producer_free(producer);
  millrace_stale_list_free(list);
  CHECK_EQUAL(millrace_find_stale(NULL, 0, &list), 0);
  for (size_t i = 0; i < list->count; ++i) {
    if (strcmp(list->rings[i]->name, ring) == 0) CHECK_EQUAL(millrace_prune(NULL, list->rings[i]), 0);
  }
  millrace_stale_list_free(list);
  struct millrace_ring_info* info = NULL;
  CHECK_EQUAL(millrace_inspect(NULL, ring, &info), MILLRACE_E_NOT_FOUND);
}

void TestEviction(void) {
  const char* ring = NewRing();
  struct millrace_producer* producer = Create(ring);
  struct millrace_consumer* consumer = Open(ring, MILLRACE_LOSSLESS);
  struct millrace_ring_info* info = NULL;
  struct millrace_message message;
  CHECK_EQUAL(millrace_inspect(NULL, ring, &info), 0);
  CHECK_EQUAL(info->consumer_count, 1);
  const uint32_t seat = info->consumers[0]->seat, generation = info->consumers[0]->generation;
  millrace_ring_info_free(info);
  CHECK_EQUAL(millrace_evict(NULL, ring, seat, generation + 1), MILLRACE_E_NOT_FOUND);
  CHECK_EQUAL(millrace_evict(NULL, ring, seat, generation), 0);
  CHECK_EQUAL(millrace_next(consumer, &message, MILLRACE_FOREVER), MILLRACE_GOT_EVICTED);
  CHECK_EQUAL(millrace_consumer_status(consumer), MILLRACE_E_EVICTED);
  millrace_consumer_free(consumer);
  millrace_producer_free(producer);
}

void TestSchemaAndAccess(void) {
  struct millrace_ring_options options = MILLRACE_RING_OPTIONS_INIT;
  struct millrace_consumer_options reader = MILLRACE_CONSUMER_OPTIONS_INIT;
  struct millrace_producer_options owner = MILLRACE_PRODUCER_OPTIONS_INIT;
  struct millrace_producer* producer = NULL;
  struct millrace_consumer* consumer = NULL;
  const char* ring = NewRing();
  static const struct {
    uint32_t access, mode, seats_mode;
  } kAccess[] = {{MILLRACE_ACCESS_PRIVATE, 0600, 0600},
                 {MILLRACE_ACCESS_WATCHABLE, 0644, 0600},
                 {MILLRACE_ACCESS_GROUP, 0640, 0660},
                 {MILLRACE_ACCESS_EVERYONE, 0644, 0666},
                 {MILLRACE_ACCESS_MODES, 0604, 0606}};

  options.schema = "number:u64";
  CHECK_EQUAL(millrace_producer_create(ring, &options, NULL, &producer), 0);
  reader.schema = "number:u32";
  CHECK_EQUAL(millrace_consumer_open(ring, MILLRACE_LOSSLESS, &reader, &consumer), MILLRACE_E_SCHEMA);
  reader.schema = "number:u64";
  reader.has_owner = 1;
  reader.owner = (uint32_t)geteuid() + 1;
  CHECK_EQUAL(millrace_consumer_open(ring, MILLRACE_LOSSLESS, &reader, &consumer), MILLRACE_E_NO_PERMISSION);
  reader.owner = (uint32_t)geteuid();
  CHECK_EQUAL(millrace_consumer_open(ring, MILLRACE_LOSSLESS, &reader, &consumer), 0);
  millrace_consumer_free(consumer);
  millrace_producer_free(producer);
  options.schema = "number:u32";
  CHECK_EQUAL(millrace_producer_open_or_create(ring, &options, NULL, &producer), MILLRACE_E_OPTIONS_DIFFER);
  owner.has_owner = 1;
  owner.owner = (uint32_t)geteuid() + 1;
  CHECK_EQUAL(millrace_producer_open(ring, &owner, &producer), MILLRACE_E_NO_PERMISSION);

  for (size_t i = 0; i < sizeof kAccess / sizeof kAccess[0]; ++i) {
    struct millrace_ring_options with = MILLRACE_RING_OPTIONS_INIT;
    struct millrace_ring_info* info = NULL;
    const char* name = NewRing();
    with.capacity = 4096;
    with.access = kAccess[i].access;
    with.ring_mode = 0604;
    with.seats_mode = 0606;
    with.has_access_group = with.access == MILLRACE_ACCESS_GROUP;
    with.access_group = (uint32_t)getegid();
    CHECK_EQUAL(millrace_create(NULL, name, &with), 0);
    CHECK_EQUAL(millrace_inspect(NULL, name, &info), 0);
    CHECK_EQUAL(info->mode & 0777, kAccess[i].mode);
    CHECK_EQUAL(info->seats_mode & 0777, kAccess[i].seats_mode);
    millrace_ring_info_free(info);
  }
}
