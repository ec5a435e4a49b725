/*
 * position: what a checkpoint knows of a source comes back as it was, or is
 * refused; the trail of a file is the same however it was gone.
 */
#include <errno.h>
#include <unistd.h>
#include <xxhash.h>

#include "position.h"
#include "tap.h"
#include "trail.h"

static struct place places[3] = {
	{ .name = (char[]){"access.log"}, .flags = PLACE_BEGUN | PLACE_UNTERMINATED,
	    .offset = UINT64_C(91230000000), .record = 81234, .first = UINT64_MAX,
	    .last = 7, .inode = 123456789 },
	{ .name = (char[]){""}, .flags = PLACE_OTHER },
	{ .name = (char[]){"b"}, .flags = PLACE_BEGUN | PLACE_HEADER, .record = 1 },
};
static char			 line[] = "k\tv", of[] = "access.log";
static const struct position	 files = {
	.kind = POSITION_FILES, .subtask = 1, .parallelism = 3, .header = line,
	.headerlen = 3, .header_of = of, .places = places, .n = 3,
};

static int
same_place(const struct place *a, const struct place *b)
{
	return (strcmp(a->name, b->name) == 0 && a->flags == b->flags &&
	    a->offset == b->offset && a->record == b->record && a->first == b->first &&
	    a->last == b->last && a->inode == b->inode);
}

static void
files_come_back(void)
{
	struct position p;
	size_t len, i;
	void *bytes = position_encode(&files, &len);

	CHECK(bytes != NULL && position_decode(&p, bytes, len) == 0);
	CHECK(p.kind == POSITION_FILES && p.subtask == 1 && p.parallelism == 3);
	CHECK(p.headerlen == 3 && memcmp(p.header, line, 3) == 0);
	CHECK(strcmp(p.header_of, of) == 0 && p.n == 3);
	for (i = 0; i < p.n; i++)
		CHECK(same_place(&p.places[i], &places[i]));
	position_free(&p);
	free(bytes);
}

static void
a_counter_comes_back(void)
{
	struct position p = { .kind = POSITION_COUNTER, .parallelism = 1, .next = 5,
	    .bytes = 10, .records = 4 };
	size_t len;
	void *bytes = position_encode(&p, &len);

	CHECK(bytes != NULL && position_decode(&p, bytes, len) == 0);
	CHECK(p.kind == POSITION_COUNTER && p.next == 5 && p.bytes == 10 && p.records == 4);
	CHECK(p.header == NULL && p.n == 0);
	position_free(&p);
	free(bytes);
}

static void
no_files_and_no_header_come_back(void)
{
	struct position p = { .kind = POSITION_FILES, .parallelism = 1 };
	size_t len;
	void *bytes = position_encode(&p, &len);

	CHECK(bytes != NULL && position_decode(&p, bytes, len) == 0);
	CHECK(p.header == NULL && p.n == 0);
	position_free(&p);
	free(bytes);
}

/* The sum must not be all that protects: it is made right again. */
static void
seal(unsigned char *bytes, size_t len)
{
	uint64_t sum = XXH3_64bits(bytes, len - 8);
	size_t i;

	for (i = 0; i < 8; i++)
		bytes[len - 8 + i] = (unsigned char)(sum >> (8 * i));
}

static void
every_flip_is_refused(void)
{
	struct position p;
	size_t len, i;
	unsigned char *bytes = position_encode(&files, &len);

	for (i = 0; i < len * 8; i++) {
		bytes[i / 8] ^= (unsigned char)(1U << (i % 8));
		CHECK(position_decode(&p, bytes, len) == -1 && errno == EBADMSG);
		bytes[i / 8] ^= (unsigned char)(1U << (i % 8));
	}
	free(bytes);
}

static void
every_cut_is_refused_even_with_a_sum(void)
{
	struct position p;
	size_t len, i;
	unsigned char *bytes = position_encode(&files, &len);

	for (i = 0; i < len; i++) {
		CHECK(position_decode(&p, bytes, i) == -1 && errno == EBADMSG);
		if (i < 8)
			continue;
		seal(bytes, i);
		CHECK(position_decode(&p, bytes, i) == -1 && errno == EBADMSG);
	}
	free(bytes);
}

static void
lengths_that_lie_are_harmless(void)
{
	struct position p;
	unsigned char *bytes, was;
	size_t len, i;

	bytes = position_encode(&files, &len);
	for (i = 0; i < len - 8; i++) {
		was = bytes[i];
		bytes[i] = 0xff;
		seal(bytes, len);
		if (position_decode(&p, bytes, len) == 0)
			position_free(&p);
		else
			CHECK(errno == EBADMSG || errno == ENOMEM);
		bytes[i] = was;
	}
	seal(bytes, len);
	CHECK(position_decode(&p, bytes, len) == 0);
	position_free(&p);
	free(bytes);
}

static void
a_trail_is_the_same_in_pieces_of_any_size(void)
{
	static unsigned char text[30000];
	static const size_t sizes[] = { 1, 7, 255, 4095, 4096, 4097, 8192, 9000, 30000 };
	char name[] = "/tmp/weir-trail.XXXXXX";
	struct trail walked, loaded;
	size_t i, at, piece;
	int fd = mkstemp(name);

	for (i = 0; i < sizeof(text); i++)
		text[i] = (unsigned char)(i * 2654435761U >> 13);
	CHECK(write(fd, text, sizeof(text)) == (ssize_t)sizeof(text));
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		trail_clear(&walked);
		for (at = 0; at < sizeof(text); at += piece) {
			piece = sizeof(text) - at < sizes[i] ? sizeof(text) - at : sizes[i];
			trail_add(&walked, text + at, piece);
			if (sizes[i] < 255 && at % 1000 != 0)
				continue;
			CHECK(trail_load(&loaded, fd, at + piece) == 1);
			CHECK(trail_first(&walked) == trail_first(&loaded));
			CHECK(trail_last(&walked) == trail_last(&loaded));
		}
	}
	CHECK(trail_first(&walked) == XXH3_64bits(text, 4096));
	CHECK(trail_last(&walked) == XXH3_64bits(text + 30000 - 4096, 4096));
	CHECK(trail_load(&loaded, fd, sizeof(text) + 1) == 0);
	CHECK(trail_load(&loaded, fd, 0) == 1);
	CHECK(trail_first(&loaded) == XXH3_64bits("", 0));
	close(fd);
	CHECK(trail_load(&loaded, fd, 1) == -1 && errno == EBADF);
	unlink(name);
}

int
main(void)
{
	RUN(files_come_back);
	RUN(a_counter_comes_back);
	RUN(no_files_and_no_header_come_back);
	RUN(every_flip_is_refused);
	RUN(every_cut_is_refused_even_with_a_sum);
	RUN(lengths_that_lie_are_harmless);
	RUN(a_trail_is_the_same_in_pieces_of_any_size);
	DONE();
}
