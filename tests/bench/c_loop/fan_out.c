/* The innermost loop of a fan-out with nothing around it: copy a frame's packets, patch SSRC and sequence numbers,
 * protect each in place, send them with one call. Built as a shared object; libsrtp's function and its sessions come
 * from the caller, so that it runs the very cipher code that the SFU runs. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

typedef int (*protect_function)(void *session, void *packet, int *length);

struct consumer {
    void *session;
    uint32_t ssrc;
    uint16_t sequence;
    uint16_t port;
};

struct job {
    protect_function protect;
    struct consumer *consumers;
    int32_t consumer_count;
    int32_t packets;       /* a frame */
    int32_t packet_size;   /* plain */
    int32_t stride;        /* protected */
    uint8_t *source;       /* packets * stride bytes, laid out as they are sent */
    uint8_t *run;          /* as large */
    uint32_t host;         /* network order */
    int32_t socket;
    int64_t frames;
    int64_t interval_ns;   /* 0: as fast as it goes */
    /* results */
    int64_t cpu_ns;
    int64_t wall_ns;
    int64_t refused;       /* calls that the kernel refused for want of room */
};

static int64_t clock_ns(clockid_t clock)
{
    struct timespec at;
    clock_gettime(clock, &at);
    return at.tv_sec * 1000000000LL + at.tv_nsec;
}

static int send_frame(struct job *job, struct consumer *consumer)
{
    int total = job->packets * job->stride;
    memcpy(job->run, job->source, total);
    for (int n = 0; n < job->packets; n++) {
        uint8_t *packet = job->run + n * job->stride;
        uint16_t sequence = htons(consumer->sequence++);
        uint32_t ssrc = htonl(consumer->ssrc);
        int length = job->packet_size;
        memcpy(packet + 2, &sequence, 2);
        memcpy(packet + 8, &ssrc, 4);
        if (job->protect(consumer->session, packet, &length) || length != job->stride)
            return -1;
    }
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(consumer->port), .sin_addr.s_addr = job->host};
    struct iovec vector = {job->run, total};
    union {
        char room[CMSG_SPACE(sizeof(uint16_t))];
        struct cmsghdr aligned;
    } control = {{0}};
    struct msghdr message = {
        .msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &vector, .msg_iovlen = 1,
        .msg_control = control.room, .msg_controllen = sizeof control.room};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    uint16_t segment = job->stride;
    header->cmsg_level = IPPROTO_UDP;
    header->cmsg_type = UDP_SEGMENT;
    header->cmsg_len = CMSG_LEN(sizeof segment);
    memcpy(CMSG_DATA(header), &segment, sizeof segment);
    if (sendmsg(job->socket, &message, 0) < 0) {
        if (errno != EAGAIN && errno != ENOBUFS)
            return -1;
        job->refused++;
    }
    return 0;
}

/* Return 0, or -1 if libsrtp or the kernel will not have it. */
int fan_out(struct job *job)
{
    int64_t cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID), began = clock_ns(CLOCK_MONOTONIC);
    for (int64_t frame = 0; frame < job->frames; frame++) {
        if (job->interval_ns) {
            int64_t due = began + frame * job->interval_ns;
            struct timespec at = {due / 1000000000LL, due % 1000000000LL};
            while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
                ;
        }
        for (int32_t n = 0; n < job->consumer_count; n++)
            if (send_frame(job, &job->consumers[n]))
                return -1;
    }
    job->cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
    job->wall_ns = clock_ns(CLOCK_MONOTONIC) - began;
    return 0;
}
