/* crowd STAMPS SLEEPERS BUSY WRITES PROGRAM [ARGUMENT...]: the first process of a PID namespace.
 *
 * Starts PROGRAM in the terminal on stdin among SLEEPERS sleeping processes, one that burns BUSY per cent of a core and one
 * that writes WRITES kB a second to the file "writes" (0: none). On the descriptor STAMPS it tells CLOCK_MONOTONIC in ns when
 * the program starts and when it has ended. When it ends, the kernel ends all others.
 *
 * In C, since a sleeping interpreter would cost each of 3,000 processes a hundred times the memory. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void pause_ms(long ms) {
    struct timespec length = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&length, NULL);
}

static void sleeper(int number) {
    char name[32];
    snprintf(name, sizeof name, "sleeper-%d", number);
    prctl(PR_SET_NAME, name);
    for (;;)
        pause();
}

static void burner(int percent) {
    prctl(PR_SET_NAME, "burner");
    for (;;) {
        long long end = now_ns() + percent * 1000000LL;
        while (now_ns() < end)
            ;
        pause_ms(100 - percent);
    }
}

static void writer(int kilobytes) {
    static char page[4096];
    int file = open("writes", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    prctl(PR_SET_NAME, "writer");
    for (;; pause_ms(100)) {
        for (int left = kilobytes / 10; left > 0; left -= 4)
            if (write(file, page, sizeof page) < 0)
                break;
        fdatasync(file);
        if (lseek(file, 0, SEEK_CUR) > 32 << 20)
            lseek(file, 0, SEEK_SET);
    }
}

int main(int count, char **argument) {
    if (count < 6)
        return 64;
    int stamps = atoi(argument[1]), sleepers = atoi(argument[2]), busy = atoi(argument[3]), writes = atoi(argument[4]);
    int gate[2], status = 0;
    if (pipe(gate))
        return 70;
    /* The program is the first child, so that it is easily found; it waits until the others stand. */
    pid_t program = fork();
    if (program == 0) {
        char go;
        close(stamps);
        close(gate[1]);
        if (read(gate[0], &go, 1) != 1)
            return 70;
        close(gate[0]);
        setsid();
        ioctl(0, TIOCSCTTY, 0);
        execvp(argument[5], argument + 5);
        _exit(127);
    }
    for (int number = 0; number < sleepers + 2; number++) {
        if ((number == sleepers && !busy) || (number == sleepers + 1 && !writes))
            continue;
        pid_t child = fork();
        if (child < 0)
            return 71;
        if (child > 0)
            continue;
        close(stamps);
        close(gate[0]);
        close(gate[1]);
        if (number < sleepers)
            sleeper(number);
        else if (number == sleepers)
            burner(busy);
        else
            writer(writes);
    }
    pause_ms(200); /* the start of so many is no part of what is measured */
    dprintf(stamps, "%lld\n", now_ns());
    if (write(gate[1], "g", 1) != 1)
        return 70;
    while (waitpid(program, &status, 0) != program)
        ;
    dprintf(stamps, "%lld\n", now_ns());
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
