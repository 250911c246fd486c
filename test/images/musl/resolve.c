/* Copyright The clusterdns Authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * resolve asks the resolver of the C library for the addresses of a name, or
 * with --reverse for the name of an address: what programs of an image with
 * musl, as Alpine's, get to see.
 */
#define _POSIX_C_SOURCE 200809L
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { answered = 0, failed = 1, misused = 2 };
enum { most = 4096, longest = 1025 }; /* addresses that are printed; characters of a name */

static const char usage[] =
	"Usage: resolve [-n COUNT] [-i MILLISECONDS] NAME [inet|inet6]\n"
	"       resolve [-n COUNT] [-i MILLISECONDS] --reverse ADDRESS\n"
	"\n"
	"Prints the addresses of the name, sorted, or the name of the address. With\n"
	"-n it asks COUNT times, at most one million, -i apart (default 1000), and\n"
	"prints how many were answered and how many failed.\n"
	"\n"
	"The status is 0 if all were answered, 1 if one failed, 2 for wrong usage.\n";

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* print prints the addresses, each once, and frees them. */
static void print(char **lines, size_t count)
{
	qsort(lines, count, sizeof *lines, compare);
	for (size_t i = 0; i < count; i++)
		if (i == 0 || strcmp(lines[i], lines[i - 1]) != 0)
			puts(lines[i]);
	for (size_t i = 0; i < count; i++)
		free(lines[i]);
}

/* complain says why there is no answer. */
static int complain(const char *name, int error)
{
	fprintf(stderr, "resolve: %s: %s\n", name, error == EAI_SYSTEM ? strerror(errno) : gai_strerror(error));
	return failed;
}

static int forward(const char *name, int family, int quiet)
{
	struct addrinfo hints = { .ai_family = family, .ai_socktype = SOCK_STREAM }, *list, *a;
	static char *lines[most];
	size_t count = 0;
	int error = getaddrinfo(name, NULL, &hints, &list);
	if (error != 0)
		return complain(name, error);
	for (a = list; a != NULL && count < most && !quiet; a = a->ai_next) {
		char text[longest];
		error = getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST);
		if (error != 0 || (lines[count] = strdup(text)) == NULL)
			break;
		count++;
	}
	freeaddrinfo(list);
	print(lines, count);
	return error == 0 ? answered : complain(name, error);
}

static int reverse(const char *address, int quiet)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM }, *list;
	char name[longest];
	int error = getaddrinfo(address, NULL, &hints, &list);
	if (error != 0) {
		complain(address, error);
		return misused;
	}
	error = getnameinfo(list->ai_addr, list->ai_addrlen, name, sizeof name, NULL, 0, NI_NAMEREQD);
	freeaddrinfo(list);
	if (error != 0)
		return complain(address, error);
	if (!quiet)
		puts(name);
	return answered;
}

static int misuse(const char *why)
{
	fprintf(stderr, "resolve: %s\n%s", why, usage);
	return misused;
}

/* number returns what the text says, or -1. */
static long number(const char *text)
{
	char *end;
	if (text == NULL)
		return -1;
	long n = strtol(text, &end, 10);
	return *text == 0 || *end != 0 || n < 0 || n > 1000000 ? -1 : n;
}

/* repeat asks again and again until it is told to stop. */
static int repeat(const char *name, int family, int backward, long count, long interval)
{
	long good = 0, bad = 0;
	struct timespec pause = { interval / 1000, interval % 1000 * 1000000 };
	for (long n = 0; n < count && !stopped; n++) {
		if (n > 0 && nanosleep(&pause, NULL) != 0)
			break;
		int status = backward ? reverse(name, 1) : forward(name, family, 1);
		if (status == misused)
			return misused;
		if (status == answered)
			good++;
		else
			bad++;
	}
	printf("answered %ld\nfailed %ld\n", good, bad);
	return bad == 0 && good > 0 ? answered : failed;
}

int main(int argc, char **argv)
{
	const char *name = NULL, *kind = NULL;
	long count = 0, interval = 1000;
	int backward = 0, family = AF_UNSPEC;
	struct sigaction action = { .sa_handler = stop };

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return fputs(usage, stdout) < 0;
		if (strcmp(argv[i], "-n") == 0) {
			if ((count = number(argv[++i])) < 1)
				return misuse("-n wants a number of 1 to 1000000");
		} else if (strcmp(argv[i], "-i") == 0) {
			if ((interval = number(argv[++i])) < 0)
				return misuse("-i wants milliseconds, 0 to 1000000");
		} else if (strcmp(argv[i], "--reverse") == 0) {
			backward = 1;
		} else if (argv[i][0] == '-') {
			return misuse("there is no such flag");
		} else if (name == NULL) {
			name = argv[i];
		} else if (kind == NULL) {
			kind = argv[i];
		} else {
			return misuse("there are too many arguments");
		}
	}
	if (name == NULL || (kind != NULL && backward))
		return misuse("a name, or --reverse and an address, is expected");
	if (kind != NULL) {
		if (strcmp(kind, "inet") != 0 && strcmp(kind, "inet6") != 0)
			return misuse("the family is inet or inet6");
		family = kind[4] == '6' ? AF_INET6 : AF_INET;
	}
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	if (count > 0)
		return repeat(name, family, backward, count, interval);
	return backward ? reverse(name, 0) : forward(name, family, 0);
}
