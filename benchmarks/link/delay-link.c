// A wire with a delay: delay-link <namespace> <namespace> <microseconds>
//
// Makes a TUN device `wire` in each of two network namespaces, and hands every packet that one sends to the other that much later:
// handshakes, acknowledgements, all. Nothing is lost or reordered. Prints "ready" when both devices are there; ends on a signal.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define PACKETS 4096
#define PACKET_BYTES 2048

struct packet {
  int64_t due_ns;
  ssize_t bytes;
  char data[PACKET_BYTES];
};

// One direction: packets leave in the order in which they came, each as long after its coming as all others.
struct queue {
  int from, to;
  unsigned first, count;
  struct packet *packets;
};

static int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static int open_tun(const char *namespace) {
  char path[256];
  snprintf(path, sizeof path, "/run/netns/%s", namespace);
  int ns = open(path, O_RDONLY | O_CLOEXEC);
  if (ns < 0 || setns(ns, CLONE_NEWNET) < 0) fail(path);
  close(ns);
  int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  if (tun < 0) fail("/dev/net/tun");
  struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
  strcpy(request.ifr_name, "wire");
  if (ioctl(tun, TUNSETIFF, &request) < 0) fail("TUNSETIFF");
  return tun;
}

static void receive(struct queue *queue, int64_t delay_ns) {
  while (queue->count < PACKETS) {
    struct packet *packet = &queue->packets[(queue->first + queue->count) % PACKETS];
    packet->bytes = read(queue->from, packet->data, PACKET_BYTES);
    if (packet->bytes <= 0) return;
    packet->due_ns = now_ns() + delay_ns;
    queue->count++;
  }
}

// Sends what is due, and says when the next packet will be; -1 for never.
static int64_t deliver(struct queue *queue) {
  for (; queue->count > 0; queue->count--, queue->first = (queue->first + 1) % PACKETS) {
    struct packet *packet = &queue->packets[queue->first];
    if (packet->due_ns > now_ns()) return packet->due_ns;
    // A device that is full, or not up yet (EIO), drops, as a network would.
    ssize_t written = write(queue->to, packet->data, packet->bytes);
    if (written < 0 && errno != EAGAIN && errno != EIO && errno != ENOBUFS) fail("write");
  }
  return -1;
}

int main(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: delay-link <namespace> <namespace> <microseconds>\n");
    return 2;
  }
  int64_t delay_ns = atoll(argv[3]) * 1000;
  int one = open_tun(argv[1]), two = open_tun(argv[2]);
  struct queue queues[2] = {{one, two, 0, 0, calloc(PACKETS, sizeof(struct packet))},
                            {two, one, 0, 0, calloc(PACKETS, sizeof(struct packet))}};
  struct pollfd files[2] = {{one, POLLIN, 0}, {two, POLLIN, 0}};
  puts("ready");
  fflush(stdout);
  for (;;) {
    int64_t next_ns = -1;
    for (int i = 0; i < 2; i++) {
      receive(&queues[i], delay_ns);
      int64_t due_ns = deliver(&queues[i]);
      if (due_ns >= 0 && (next_ns < 0 || due_ns < next_ns)) next_ns = due_ns;
      files[i].events = queues[i].count < PACKETS ? POLLIN : 0;
    }
    int64_t wait_ns = next_ns < 0 ? -1 : next_ns - now_ns();
    if (next_ns >= 0 && wait_ns < 0) wait_ns = 0;
    struct timespec wait = {wait_ns / 1000000000, wait_ns % 1000000000};
    ppoll(files, 2, next_ns < 0 ? NULL : &wait, NULL);
  }
}
