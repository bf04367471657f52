// SPDX-License-Identifier: Apache-2.0
#include "tests/checker/engine/workers.h"

#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <optional>
#include <vector>

namespace millrace::checker {
namespace {

struct Header {
  uint32_t piece, bytes;
};

bool ReadAll(int fd, void* to, size_t bytes) {
  for (size_t got = 0; got < bytes;) {
    const ssize_t n = read(fd, static_cast<char*>(to) + got, bytes - got);
    if (n <= 0) return false;
    got += static_cast<size_t>(n);
  }
  return true;
}

void WriteAll(int fd, const std::string& bytes) {
  for (size_t put = 0; put < bytes.size();) {
    const ssize_t n = write(fd, bytes.data() + put, bytes.size() - put);
    if (n <= 0) _exit(1);
    put += static_cast<size_t>(n);
  }
}

[[noreturn]] void Work(std::atomic<uint32_t>& next, size_t pieces, int fd,
                       const std::function<std::string(size_t)>& work) {
  for (uint32_t piece; (piece = next.fetch_add(1)) < pieces;) {
    const std::string text = work(piece);
    const Header header = {piece, static_cast<uint32_t>(text.size())};
    WriteAll(fd, std::string(reinterpret_cast<const char*>(&header), sizeof header) + text);
  }
  _exit(0);
}

}  // namespace

unsigned Cpus() {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? static_cast<unsigned>(CPU_COUNT(&set)) : 1;
}

void Share(size_t pieces, unsigned workers, const std::function<std::string(size_t)>& work,
           const std::function<void(size_t, const std::string&)>& done) {
  if (workers <= 1) {
    for (size_t i = 0; i < pieces; ++i) done(i, work(i));
    return;
  }
  void* const shared = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) std::abort();
  auto& next = *new (shared) std::atomic<uint32_t>(0);
  std::fflush(nullptr);
  std::vector<pollfd> pipes;
  std::vector<pid_t> children;
  for (unsigned i = 0; i < workers; ++i) {
    int ends[2];
    if (pipe(ends) != 0) std::abort();
    const pid_t child = fork();
    if (child < 0) std::abort();
    if (child == 0) Work(next, pieces, ends[1], work);
    close(ends[1]);
    children.push_back(child);
    pipes.push_back({ends[0], POLLIN, 0});
  }
  std::vector<std::optional<std::string>> texts(pieces);
  size_t told = 0;
  for (unsigned open = workers; open != 0;) {
    poll(pipes.data(), pipes.size(), -1);
    for (pollfd& p : pipes) {
      if (p.fd < 0 || p.revents == 0) continue;
      Header header;
      std::string text;
      if (ReadAll(p.fd, &header, sizeof header)) text.resize(header.bytes);
      if (text.empty() || !ReadAll(p.fd, text.data(), text.size())) {
        close(p.fd);
        p.fd = -1;
        --open;
        continue;
      }
      texts[header.piece] = std::move(text);
      for (; told < pieces && texts[told]; ++told) done(told, *texts[told]);
    }
  }
  for (const pid_t child : children) waitpid(child, nullptr, 0);
  for (; told < pieces; ++told) done(told, texts[told].value_or(""));
  munmap(shared, 4096);
}

}  // namespace millrace::checker
