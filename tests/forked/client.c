/* The program that a test starts: asks the server for a fork, and ends with the exit code or
by the signal of the fork.

It does the same as client.py, which takes ten times as long to start. SOCKET is the path of the
server's socket. */

#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const int SIGNALS[] = {SIGHUP, SIGINT, SIGTERM};
static int server;

static void forward(int number) {
    char byte = (char)number;
    send(server, &byte, 1, MSG_NOSIGNAL);
}

static void connect_to_server(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = SOCKET};
    server = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(server, (struct sockaddr *)&address, sizeof address) < 0)
        err(1, "%s", SOCKET);
}

/* Sends the length of the request, with files, and then the request. */
static void send_all(const char *request, size_t size, const int *files, size_t number) {
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(4 * sizeof(int))];
    } rights = {.header = {.cmsg_len = CMSG_LEN(number * sizeof(int)),
                           .cmsg_level = SOL_SOCKET,
                           .cmsg_type = SCM_RIGHTS}};
    memcpy(CMSG_DATA(&rights.header), files, number * sizeof(int));
    uint32_t length = (uint32_t)size;
    struct iovec part = {&length, sizeof length};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = rights.bytes,
                             .msg_controllen = CMSG_SPACE(number * sizeof(int))};
    if (sendmsg(server, &message, MSG_NOSIGNAL) < 0)
        err(1, "sendmsg");
    for (ssize_t sent; size > 0; request += sent, size -= (size_t)sent)
        if ((sent = send(server, request, size, MSG_NOSIGNAL)) < 0)
            err(1, "send");
}

/* Sends the arguments, environment, directory and streams of this process to the server. */
static void send_request(char **arguments, int count) {
    int files[4];
    size_t number = 1;
    char *data;
    size_t size;
    FILE *request = open_memstream(&data, &size);
    for (int stream = 0; stream < 3; stream++) {
        if (fcntl(stream, F_GETFD) >= 0) {
            files[number++] = stream;
            fputc('0' + stream, request);
        } else if (open("/dev/null", O_RDWR) < 0) {
            /* Otherwise, the next file would get the descriptor of the closed stream. */
            err(1, "/dev/null");
        }
    }
    struct rlimit cpu;
    getrlimit(RLIMIT_CPU, &cpu);
    long soft = (long)cpu.rlim_cur, hard = (long)cpu.rlim_max;
    fprintf(request, "%c%u%c%ld%c%ld%c%d%c", 0, umask(0), 0, soft, 0, hard, 0, count, 0);
    /* The path of the program, which a shell can have found in PATH. */
    fprintf(request, "%s%c", (const char *)getauxval(AT_EXECFN), 0);
    for (char **argument = arguments + 1; *argument; argument++)
        fprintf(request, "%s%c", *argument, 0);
    for (char **variable = environ; *variable; variable++)
        fprintf(request, "%s%c", *variable, 0);
    fclose(request);
    /* The directory can have been deleted, so the server gets a file, and not a path. */
    files[0] = open(".", O_RDONLY);
    connect_to_server();
    send_all(data, size, files, number);
}

int main(int count, char **arguments) {
    send_request(arguments, count);
    for (size_t i = 0; i < sizeof SIGNALS / sizeof *SIGNALS; i++)
        if (signal(SIGNALS[i], forward) == SIG_IGN)
            signal(SIGNALS[i], SIG_IGN);
    int32_t code;
    if (recv(server, &code, sizeof code, MSG_WAITALL) != sizeof code)
        errx(1, "The server has ended.");
    if (code < 0) {
        signal(-code, SIG_DFL);
        kill(getpid(), -code);
    }
    _exit(code);
}
