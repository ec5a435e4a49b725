/*
 * store: state at a barrier comes back as it was, whatever was going on, against a
 * model that is too simple to be wrong.
 */
#include <inttypes.h>
#include <sys/wait.h>
#include <time.h>
#include <xxhash.h>

#include "io.h"
#include "store.h"
#include "disk.h"
#include "page.h"
#include "tap.h"

static char	 dir[128], crashed[160];
static int	 dirfd_ = -1;

static void
fresh(void)
{
	disk_end();
	if (dirfd_ != -1)
		close(dirfd_);
	disk_wipe(dir);
	mkdir(dir, 0700);
	dirfd_ = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static uint64_t
next(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return (*x * UINT64_C(0x2545f4914f6cdd1d));
}

static uint32_t
hash_of(const void *key, size_t len)
{
	return ((uint32_t)XXH3_64bits(key, len));
}

/*
 * The model: for each state and key a value or none, as of now and as of each
 * barrier whose checkpoint is retained.
 */
#define KEYS		400
#define STATES		3
#define GROUPS		16
#define CONCURRENT	2
#define RETAINED	3

static const char *const state_names[STATES] = { "reduce", "a", "a-longer_NAME" };

struct expected {
	size_t		 len;
	uint32_t	 seed;			/* 0: there is none */
};

struct snapshot {
	uint64_t	 id;
	struct expected	 value[STATES][KEYS];
	struct jobfile_subtask part;
	unsigned char	 names[256];
	size_t		 nameslen;
};

struct model {
	struct store	*s;
	uint64_t	 memory, id, rng, bytes;
	int		 number[STATES];
	struct expected	 now[STATES][KEYS];
	struct snapshot	 retained[RETAINED], *on_way[CONCURRENT];
	struct store_cut *cut[CONCURRENT];
	unsigned	 nretained, ncuts, keep;
	struct store_work *work;
	unsigned	 restores, absent;	/* absent: not all of it was in memory */
	int		 worn;			/* numbers of generations are nearly used up */
	uint64_t	 batches;
};

/* Number 0 is empty; some have a NUL in them, some are longer. */
static size_t
key_make(unsigned n, char key[128])
{
	size_t len;

	if (n == 0)
		return (0);
	len = (size_t)snprintf(key, 128, "key-%u", n);
	if (n % 7 == 0)
		key[3] = '\0';
	while (n % 11 == 0 && len < 100)
		key[len++] = (char)n;
	return (len);
}

static void
value_fill(unsigned char *p, size_t len, uint32_t seed)
{
	size_t i;

	for (i = 0; i < len; i++)
		p[i] = (unsigned char)(seed * 2654435761U >> 24) ^ (unsigned char)(i * 131);
}

static int
value_is(const unsigned char *p, size_t len, uint32_t seed)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (p[i] != ((unsigned char)(seed * 2654435761U >> 24) ^ (unsigned char)(i * 131)))
			return (0);
	return (1);
}

static size_t
value_size(uint64_t *x)
{
	static const size_t	sizes[] = { 0, 1, 8, 8, 8, 20, 100, 300, 1000 };
	uint64_t		n = next(x) >> 20;

	if (n % 500 == 0)
		return (20000);
	return (sizes[(n >> 10) % (sizeof(sizes) / sizeof(sizes[0]))]);
}

static int
expect_is(const struct expected *e, const void *p, size_t len)
{
	return (e->seed != 0 && e->len == len && value_is(p, len, e->seed));
}

static int
check_get(struct model *m, unsigned state, unsigned n)
{
	struct expected	*e = &m->now[state][n];
	char		 key[128];
	size_t		 keylen = key_make(n, key), len = 0;
	void		*p;

	p = store_find(m->s, (unsigned)m->number[state], hash_of(key, keylen), key, keylen, &len);
	if (e->seed == 0)
		return (p == NULL && errno == 0);
	return (p != NULL && expect_is(e, p, len));
}

static int
check_put(struct model *m, unsigned state, unsigned n)
{
	struct expected	*e = &m->now[state][n];
	char		 key[128];
	size_t		 keylen = key_make(n, key), len = value_size(&m->rng), i;
	int		 was_fresh, good = 1;
	unsigned char	*p;

	p = store_put(m->s, (unsigned)m->number[state], hash_of(key, keylen), key, keylen, len,
	    &was_fresh);
	if (p == NULL || was_fresh != (e->seed == 0))
		return (0);
	if (was_fresh)
		for (i = 0; i < len; i++)
			good &= p[i] == 0;
	else
		good = value_is(p, e->len < len ? e->len : len, e->seed);
	e->len = len;
	e->seed = (uint32_t)(next(&m->rng) >> 33) | 1;
	value_fill(p, len, e->seed);
	return (good);
}

static int
check_remove(struct model *m, unsigned state, unsigned n)
{
	char	key[128];
	size_t	keylen = key_make(n, key);

	m->now[state][n].seed = 0;
	return (store_remove(m->s, (unsigned)m->number[state], hash_of(key, keylen), key,
	    keylen) == 0);
}

static int
check_all(struct model *m)
{
	unsigned s, n, present = 0;

	for (s = 0; s < STATES; s++)
		for (n = 0; n < KEYS; n++)
			present += m->now[s][n].seed != 0;
	m->absent += store_count(m->s) < present;
	for (s = 0; s < STATES; s++)
		for (n = 0; n < KEYS; n++)
			if (!check_get(m, s, n)) {
				printf("# state %u, key %u: %s\n", s, n, store_error(m->s));
				return (0);
			}
	return (1);
}

/*
 * Checkpoints
 */

static void
snapshot_free(struct snapshot *p)
{
	free(p->part.range);
	memset(&p->part, 0, sizeof(p->part));
}

static int
check_cut(struct model *m)
{
	struct snapshot	*p;
	struct buf	 b = { 0 };

	if ((m->cut[m->ncuts] = store_cut(m->s, ++m->id)) == NULL)
		return (0);
	if (m->worn && m->s->generation < HEAP_GENERATIONS / 2 && next(&m->rng) % 4 == 0)
		m->s->generation = HEAP_GENERATIONS - 1023;	/* as if so many had been */
	p = m->on_way[m->ncuts++] = calloc(1, sizeof(*p));
	p->id = m->id;
	memcpy(p->value, m->now, sizeof(p->value));
	if (store_names_save(m->s, &b) == -1 || b.len > sizeof(p->names))
		return (0);
	memcpy(p->names, b.data, b.len);
	p->nameslen = b.len;
	buf_free(&b);
	return (1);
}

static uint64_t
oldest(const struct model *m)
{
	return (m->nretained > 0 ? m->retained[0].id : 0);
}

/* The first of those on their way is written; then it is complete, or aborted. */
static int
check_written(struct model *m, int complete)
{
	struct snapshot	*p = m->on_way[0];
	uint64_t	 bytes;
	int		 result = store_write(m->cut[0]);

	result = store_cut_done(m->cut[0], result, &p->part, &bytes);
	m->bytes += bytes;
	m->cut[0] = m->cut[1];
	m->on_way[0] = m->on_way[1];
	m->ncuts--;
	if (!complete || result == -1)
		snapshot_free(p);
	else {
		if (m->nretained == m->keep) {
			snapshot_free(&m->retained[0]);
			memmove(m->retained, m->retained + 1, --m->nretained * sizeof(*p));
		}
		m->retained[m->nretained++] = *p;
		store_view(m->s, oldest(m));
	}
	free(p);
	return (result == 0);
}

static int
check_tend(struct model *m, enum store_moment moment)
{
	int result;

	if (m->work == NULL && (m->work = store_tend(m->s, moment, 20)) == NULL)
		return (1);
	if (next(&m->rng) % 3 == 0)
		return (1);			/* it stays on its way for a while */
	result = store_work_done(m->work, store_work_run(m->work));
	m->work = NULL;
	return (result == 0);
}

static int
keys_order(const char *a, size_t alen, const char *b, size_t blen)
{
	int c = memcmp(a, b, alen < blen ? alen : blen);

	return (c != 0 ? c : alen < blen ? -1 : alen > blen);
}

/* Everything else goes on; of other states keys come and go. */
static int
check_meanwhile(struct model *m, unsigned state)
{
	uint64_t r = next(&m->rng) >> 16;
	unsigned n = (unsigned)((r >> 8) % KEYS);

	switch (r % 16) {
	case 0:
		return (m->ncuts == CONCURRENT || check_cut(m));
	case 1:
		return (m->ncuts == 0 || check_written(m, (r >> 40) % 8 > 0));
	case 2:	case 3:
		return (check_tend(m, STORE_BUSY));
	case 4:
		return (check_get(m, state, n));
	case 5:
		return (check_put(m, (state + 1) % STATES, n));
	case 6:
		return (check_remove(m, (state + 1) % STATES, n));
	default:
		return (1);
	}
}

/* All keys in order, the one in hand is changed now and then. */
static int
check_scan(struct model *m, unsigned state)
{
	struct store_scan	*scan = store_scan(m->s, (unsigned)m->number[state]);
	char			 last[128], key[128];
	const void		*k, *v;
	size_t			 lastlen = 0, keylen, vallen, len;
	unsigned		 n, seen = 0, present = 0;
	int			 more = 0;

	for (n = 0; n < KEYS; n++)
		present += m->now[state][n].seed != 0;
	while (scan != NULL && (more = store_scan_next(scan, &k, &keylen, &v, &vallen)) == 1) {
		if (seen++ > 0 && keys_order(last, lastlen, k, keylen) >= 0)
			break;
		for (n = 0; n < KEYS; n++)
			if ((len = key_make(n, key)) == keylen && memcmp(key, k, len) == 0)
				break;
		if (n == KEYS || !expect_is(&m->now[state][n], v, vallen))
			break;
		memcpy(last, k, keylen);
		lastlen = keylen;
		if (next(&m->rng) % 4 == 0 && !check_put(m, state, n))
			break;
		if (next(&m->rng) % 8 == 0 && !check_remove(m, state, n))
			break;
		if (!check_meanwhile(m, state))
			break;
	}
	store_scan_end(scan);
	return (scan != NULL && more == 0 && seen == present);
}

static void
model_drop(struct model *m)
{
	struct jobfile_subtask	part = { .range = NULL };
	uint64_t		bytes;

	while (m->ncuts > 0) {
		store_cut_done(m->cut[--m->ncuts], -1, &part, &bytes);
		snapshot_free(m->on_way[m->ncuts]);
		free(m->on_way[m->ncuts]);
	}
	if (m->work != NULL)
		store_work_done(m->work, -1);
	m->work = NULL;
	store_free(m->s);
	m->s = NULL;
}

static int
model_attach(struct model *m, const struct snapshot *p)
{
	unsigned s;

	if ((m->s = store_new(m->memory)) == NULL)
		return (0);
	if (p != NULL && store_names_restore(m->s, p->names, p->nameslen) == -1)
		return (0);
	if (store_attach(m->s, dirfd_, dir, GROUPS, CONCURRENT, p != NULL ? &p->part : NULL,
	    p != NULL ? p->id : 0) == -1) {
		printf("# %s\n", store_error(m->s));
		return (0);
	}
	for (s = 0; s < STATES; s++)
		m->number[s] = store_state(m->s, state_names[s]);
	if (p == NULL)
		memset(m->now, 0, sizeof(m->now));
	else
		memcpy(m->now, p->value, sizeof(m->now));
	store_view(m->s, oldest(m));
	return (1);
}

/* All that was not written is gone; now and then one goes back further. */
static int
check_restore(struct model *m)
{
	model_drop(m);
	m->restores++;
	while (m->nretained > 1 && next(&m->rng) % 4 == 0)
		snapshot_free(&m->retained[--m->nretained]);
	if (m->nretained > 0 && m->retained[m->nretained - 1].part.batches > m->batches)
		m->batches = m->retained[m->nretained - 1].part.batches;
	return (model_attach(m, m->nretained > 0 ? &m->retained[m->nretained - 1] : NULL));
}

static uint64_t
journal_bytes(void)
{
	struct segments	g;
	uint64_t	bytes = 0;
	size_t		i;

	if (segments_open(&g, dirfd_, dir, "state") == -1 || segments_scan(&g) == -1)
		abort();
	for (i = 0; i < g.n; i++)
		bytes += g.list[i].len;
	segments_close(&g);
	return (bytes);
}

/* More barriers than are remembered, and none is complete. */
static int
check_aborted(struct model *m)
{
	unsigned	i;
	int		good = 1;

	for (i = 0; i < STORE_CLOSED * 2 && good; i++) {
		good = m->ncuts == 0 || check_written(m, 0);
		if (i % 4 == 0)
			good = good && check_put(m, i % STATES, (unsigned)(next(&m->rng) >> 20) % KEYS);
		if (i % 8 == 0)
			good = good && check_tend(m, STORE_BUSY);
		good = good && check_cut(m);
	}
	return (good);
}

static int
model_step(struct model *m)
{
	uint64_t r = next(&m->rng) >> 16;
	unsigned state = (unsigned)(r % STATES), n = (unsigned)((r >> 8) % KEYS);

	if (m->worn && (r >> 24) % 3000 == 2999)
		return (check_aborted(m));

	switch ((r >> 24) % 2000) {
	case 0:
		return (check_restore(m) && check_all(m));
	case 1:
		return (check_all(m));
	case 2:
		return (check_scan(m, state));
	case 3: case 4: case 5: case 6: case 7: case 8: case 9: case 10:
	case 11: case 12: case 13: case 14: case 15: case 16: case 17: case 18:
		if (m->ncuts == CONCURRENT)
			return (store_cut(m->s, m->id + 1) == NULL && errno == EAGAIN);
		return (check_cut(m));
	default:
		break;
	}
	switch ((r >> 24) % 100) {
	case 0: case 1:
		return (m->ncuts == 0 || check_written(m, (r >> 40) % 8 > 0));
	case 2: case 3: case 4: case 5: case 6:
		return (check_tend(m, (r >> 40) % 4 == 0 ? STORE_IDLE : STORE_BUSY));
	default:
		break;
	}
	if ((r >> 44) % 3 == 0)
		n %= 20;			/* some are busier than others */
	if ((r >> 24) % 100 < 50)
		return (check_put(m, state, n));
	if ((r >> 24) % 100 < 60)
		return (check_remove(m, state, n));
	return (check_get(m, state, n));
}

/* How often not all of it was in memory, and how many batches base had. */
static unsigned
random_steps(uint64_t seed, uint64_t memory, unsigned keep, unsigned steps, int worn,
    uint64_t *batches)
{
	struct model	*m = calloc(1, sizeof(*m));
	unsigned	 i;
	int		 good;

	fresh();
	m->memory = memory;
	m->keep = keep;
	m->worn = worn;
	m->rng = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	good = model_attach(m, NULL);
	for (i = 0; i < steps && good; i++)
		good = model_step(m);
	if (!good)
		printf("# seed %" PRIu64 ", step %u: %s\n", seed, i,
		    m->s != NULL ? store_error(m->s) : "");
	CHECK(good);
	CHECK(check_restore(m) && check_all(m));
	CHECK(m->restores > 0);
	model_drop(m);
	while (m->nretained > 0)
		snapshot_free(&m->retained[--m->nretained]);
	i = m->absent;
	*batches = m->batches;
	free(m);
	return (i);
}

static void
random_steps_agree_with_the_model(void)
{
	uint64_t seed, batches;

	for (seed = 1; seed <= 12; seed++)
		random_steps(seed, UINT64_C(64) << 20, 1, 20000, 0, &batches);
}

static void
several_retained_checkpoints_can_be_gone_back_to(void)
{
	uint64_t seed, batches;

	for (seed = 100; seed <= 110; seed++)
		random_steps(seed, UINT64_C(64) << 20, RETAINED, 20000, 0, &batches);
}

static void
memory_bounds_far_below_the_state_agree_with_the_model(void)
{
	uint64_t seed, batches;
	unsigned absent;

	for (seed = 200; seed < 207; seed++) {
		absent = random_steps(seed, 64 << 10 << seed % 4, 1 + (unsigned)seed % RETAINED,
		    20000, 0, &batches);
		printf("# %u times not all in memory, %" PRIu64 " batches\n", absent, batches);
	}
}

/*
 * The disk
 */

/* What a power cut leaves now: each retained checkpoint, as it was. */
static int
survives(const struct model *m, const struct snapshot *p)
{
	struct model	*after = calloc(1, sizeof(*after));
	int		 fd, kept = dirfd_, good;

	disk_crash(crashed);
	fd = open(crashed, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	after->memory = m->memory;
	dirfd_ = fd;
	good = model_attach(after, p) && check_all(after);
	dirfd_ = kept;
	close(fd);
	model_drop(after);
	free(after);
	return (good);
}

static struct model	*cut_model;		/* whose power is cut before some call */
static unsigned		 cut_every, cuts_done;
static int		 cuts_good;

static void
cut_hook(const char *call)
{
	unsigned i;

	(void)call;
	if (disk_random(cut_every) != 0)
		return;
	for (i = 0; i < cut_model->nretained; i++, cuts_done++)
		if (!survives(cut_model, &cut_model->retained[i])) {
			printf("# before %s\n", call);
			cuts_good = 0;
		}
}

static void
power_cuts_leave_every_retained_checkpoint(void)
{
	struct model	*m = calloc(1, sizeof(*m));
	uint64_t	 seed;
	unsigned	 i, j;
	int		 good;

	cuts_done = 0;
	for (seed = 300; seed < 306; seed++) {
		fresh();
		memset(m, 0, sizeof(*m));
		m->memory = 64 << 20;
		m->keep = 1 + (unsigned)seed % RETAINED;
		m->rng = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
		disk_begin(dir);
		disk_seed = seed;
		disk_hook = cut_hook;
		cut_model = m;
		cut_every = 12;
		good = cuts_good = model_attach(m, NULL);
		for (i = 0; i < 150 && good && cuts_good; i++) {
			for (j = 0; j < 60 && good; j++)
				good = check_put(m, j % STATES, (unsigned)(next(&m->rng) >> 20) % KEYS);
			good = good && (m->ncuts < CONCURRENT ? check_cut(m) : 1);
			good = good && (m->ncuts == 0 || i % 3 == 0 || check_written(m, i % 7 != 0));
			good = good && check_tend(m, STORE_BUSY);
			if (i % 40 == 39)
				good = good && check_restore(m) && check_all(m);
		}
		CHECK(good && cuts_good);
		disk_end();
		model_drop(m);
		while (m->nretained > 0)
			snapshot_free(&m->retained[--m->nretained]);
	}
	CHECK(cuts_done > 100);
	disk_wipe(crashed);
	free(m);
}

/* Some call fails: so does the store, by name, and what was retained is there. */
static void
a_disk_that_fails_is_named_and_costs_nothing(void)
{
	static const int	 errors[] = { ENOSPC, EIO, EDQUOT };
	struct model		*m = calloc(1, sizeof(*m));
	unsigned		 i, j, failed = 0;
	int			 good = 1;

	for (i = 1; i < 60; i++) {
		fresh();
		memset(m, 0, sizeof(*m));
		m->memory = 64 << 20;
		m->keep = 1;
		m->rng = i;
		disk_begin(dir);
		CHECK(model_attach(m, NULL));
		disk_fail = (int)i;
		disk_error = errors[i % 3];
		disk_short = i % 2;
		for (j = 0; j < 400 && good; j++) {
			CHECK(check_put(m, j % STATES, j));
			if (j % 20 == 19)
				good = check_cut(m) && check_written(m, 1) && check_tend(m, STORE_BUSY);
		}
		disk_error = 0;
		if (!good) {
			failed++;
			CHECK(strstr(store_error(m->s), strerror(errors[i % 3])) != NULL);
			CHECK(strstr(store_error(m->s), dir) != NULL);
			/* nothing is tried again */
			CHECK(check_cut(m) && !check_written(m, 1));
		}
		CHECK(check_restore(m) && check_all(m));
		good = 1;
		disk_end();
		model_drop(m);
		while (m->nretained > 0)
			snapshot_free(&m->retained[--m->nretained]);
	}
	CHECK(failed > 40);
	free(m);
}

/*
 * The bound
 */

/* How many of so many keys have their value. */
static unsigned
go_through(struct store *s, unsigned keys, uint64_t *most)
{
	char		 key[32];
	size_t		 len, vallen;
	unsigned	 i, n, *value, good = 0;

	for (i = 0; i < keys; i++) {
		n = i * 7919U % keys;
		len = (size_t)snprintf(key, sizeof(key), "user%u", n);
		value = store_find(s, 0, hash_of(key, len), key, len, &vallen);
		good += value != NULL && vallen == 100 && *value == n;
		if (store_bytes(s) > *most)
			*most = store_bytes(s);
	}
	return (good);
}

static void
what_does_not_fit_leaves_memory_and_is_read_back(void)
{
	struct jobfile_subtask	 part = { .range = NULL };
	struct store		*s = store_new(1 << 20);
	struct store_cut	*c;
	struct store_work	*w;
	uint64_t		 most = 0, bytes, id = 0;
	unsigned		 n, len;
	char			 key[32];
	int			 was_fresh;

	fresh();
	CHECK(s != NULL && store_state(s, "count") == 0);
	CHECK(store_attach(s, dirfd_, dir, GROUPS, 1, NULL, 0) == 0);
	for (n = 0; n < 80000; n++) {
		len = (unsigned)snprintf(key, sizeof(key), "user%u", n);
		memcpy(store_put(s, 0, hash_of(key, len), key, len, 100, &was_fresh), &n, sizeof(n));
		if (store_bytes(s) > most)
			most = store_bytes(s);
		if (n % 500 != 0 || store_pressure(s) == STORE_EASY)
			continue;
		c = store_cut(s, ++id);
		if (store_cut_done(c, store_write(c), &part, &bytes) == -1)
			CHECK(!"written");
		store_view(s, id);
		while ((w = store_tend(s, STORE_BUSY, 0)) != NULL)
			CHECK(store_work_done(w, store_work_run(w)) == 0);
		CHECK(store_pressure(s) == STORE_EASY);
	}
	CHECK(most < 1 << 20 && store_count(s) < 10000);
	/* reading alone needs no checkpoint to stay within */
	CHECK(go_through(s, 80000, &most) == 80000);
	CHECK(most < (1 << 20) + (1 << 15));
	if (tap_bad)
		printf("# at most %" PRIu64 "\n", most);
	store_free(s);
	free(part.range);
}

/* Values that grow a little at a time: each time the pieces that they leave are too
 * small for what comes. */
static void
growing_values_do_not_scatter_memory(void)
{
	struct jobfile_subtask	 part = { .range = NULL };
	struct store		*s = store_new(2 << 20);
	struct store_cut	*c;
	struct store_work	*w;
	uint64_t		 bytes, id = 0, most = 0;
	unsigned char		*value;
	unsigned		 n, size;
	size_t			 len;
	int			 was_fresh;

	fresh();
	CHECK(s != NULL && store_state(s, "count") == 0);
	CHECK(store_attach(s, dirfd_, dir, GROUPS, 1, NULL, 0) == 0);
	for (size = 8; size <= 1000; size += 16) {
		for (n = 0; n < 4000; n++) {
			value = store_put(s, 0, hash_of(&n, sizeof(n)), &n, sizeof(n), size, &was_fresh);
			if (value == NULL || was_fresh != (size == 8)) {
				CHECK(!"put");
				break;
			}
			CHECK(size == 8 || value_is(value, size - 16, n + size - 16));
			value_fill(value, size, n + size);
			if (n % 200 != 0 || store_pressure(s) == STORE_EASY)
				continue;
			c = store_cut(s, ++id);
			part.nranges = 0;
			CHECK(c != NULL && store_cut_done(c, store_write(c), &part, &bytes) == 0);
			store_view(s, id);
			while ((w = store_tend(s, STORE_BUSY, 0)) != NULL)
				CHECK(store_work_done(w, store_work_run(w)) == 0);
			if (s->heap->bytes > most)
				most = s->heap->bytes;
		}
	}
	CHECK(most < 12 << 20);
	if (tap_bad)
		printf("# at most %" PRIu64 " bytes, %" PRIu64 " in use\n", most, s->heap->live);
	for (n = 0; n < 4000; n++) {
		value = store_find(s, 0, hash_of(&n, sizeof(n)), &n, sizeof(n), &len);
		CHECK(value != NULL && len == 1000 && value_is(value, len, n + 1000));
	}
	store_free(s);
	free(part.range);
}

/*
 * A cut that is written while it is made.
 */
#define EARLY_KEYS	30000U

static struct store_block *early[64];
static unsigned	 nearly, early_fails;	/* fails: the so many-th is not taken */

static int
early_put(void *arg, struct store_block *b)
{
	CHECK(arg == early && nearly < 64);
	if (early_fails > 0 && --early_fails == 0) {
		errno = ENOMEM;
		return (-1);
	}
	early[nearly++] = b;
	return (0);
}

/* What the writer does, in order, then its owner. */
static int
early_write(struct store *s, struct store_cut *c, struct jobfile_subtask *part)
{
	uint64_t	bytes;
	unsigned	i;
	int		result = 0;

	for (i = 0; i < nearly && result == 0; i++)
		result = store_block_write(early[i]);
	if (result == 0)
		result = store_write(c);
	for (i = 0; i < nearly; i++)
		store_block_done(early[i], result);
	nearly = 0;
	part->nranges = 0;
	(void)s;
	return (store_cut_done(c, result, part, &bytes));
}

static void
early_change(struct store *s, unsigned *value, unsigned round)
{
	char		 key[32];
	unsigned	 n;
	size_t		 len;
	void		*p;
	int		 was_fresh;

	for (n = 0; n < EARLY_KEYS; n++) {
		if ((n * 7 + round) % (round < 2 ? 1 : 5) != 0)
			continue;
		len = (size_t)snprintf(key, sizeof(key), "user%u", n);
		value[n] = n * 100 + round;
		if (round % 3 == 2 && n % 4 == 0) {
			value[n] = 0;
			CHECK(store_remove(s, 0, hash_of(key, len), key, len) != -1);
		} else if ((p = store_put(s, 0, hash_of(key, len), key, len, 4, &was_fresh)) != NULL)
			memcpy(p, &value[n], 4);
		else
			CHECK(!"put");
	}
}

static int
early_holds(const unsigned *value, const struct jobfile_subtask *part, uint64_t id)
{
	struct store	*s = store_new(16 << 20);
	char		 key[32];
	unsigned	 n;
	size_t		 len, vallen;
	void		*p;

	CHECK(s != NULL && store_state(s, "count") == 0);
	if (store_attach(s, dirfd_, dir, GROUPS, 1, part, id) == -1)
		printf("# %s\n", store_error(s));
	for (n = 0; n < EARLY_KEYS; n++) {
		len = (size_t)snprintf(key, sizeof(key), "user%u", n);
		p = store_find(s, 0, hash_of(key, len), key, len, &vallen);
		if ((p == NULL) != (value[n] == 0) || (p != NULL && memcmp(p, &value[n], 4) != 0))
			break;
	}
	store_free(s);
	return (n == EARLY_KEYS);
}

static void
blocks_that_are_written_early_are_the_same_journal(void)
{
	static unsigned		 value[EARLY_KEYS];
	struct jobfile_subtask	 part = { .range = NULL };
	struct store		*s = store_new(2 << 20);
	struct store_cut	*c;
	unsigned		 round, most = 0, moved = 0;
	uint64_t		 start = 0;

	fresh();
	CHECK(s != NULL && store_state(s, "count") == 0);
	CHECK(store_attach(s, dirfd_, dir, GROUPS, 1, NULL, 0) == 0);
	store_early(s, early_put, early);
	for (round = 0; round < 20; round++) {
		early_change(s, value, round);
		CHECK((c = store_cut(s, round + 1)) != NULL);
		most = nearly > most ? nearly : most;
		CHECK(early_write(s, c, &part) == 0);
		store_view(s, round + 1);
		moved += part.range[0].start > start;
		start = part.range[0].start;
		if (round % 5 == 4)
			CHECK(early_holds(value, &part, round + 1));
	}
	CHECK(most >= 2 && moved >= 2);		/* so there were blocks, and rounds */
	early_change(s, value, 0);
	early_fails = 2;
	CHECK(store_cut(s, 21) == NULL && strstr(store_error(s), "Cannot allocate") != NULL);
	while (nearly > 0)
		store_block_done(early[--nearly], -1);
	store_free(s);
	free(part.range);
}

static void
a_block_that_cannot_be_written_is_named(void)
{
	static unsigned		 value[EARLY_KEYS];
	struct jobfile_subtask	 part = { .range = NULL };
	struct store		*s = store_new(2 << 20);
	struct store_cut	*c;
	int			 full;

	fresh();
	CHECK(s != NULL && store_state(s, "count") == 0);
	CHECK(store_attach(s, dirfd_, dir, GROUPS, 1, NULL, 0) == 0);
	store_early(s, early_put, early);
	early_change(s, value, 0);
	CHECK((c = store_cut(s, 1)) != NULL && nearly > 0);
	full = openat(dirfd_, "state.0000000000000000", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CHECK(full != -1);			/* in the segment's way */
	CHECK(early_write(s, c, &part) == -1);
	CHECK(strstr(store_error(s), "create ") != NULL &&
	    strstr(store_error(s), "state.0000000000000000: File exists") != NULL);
	close(full);
	store_free(s);
	free(part.range);
}

/*
 * As bytes
 */

static void
names_come_back_with_their_numbers(void)
{
	struct store	*s = store_new(1 << 20), *t = store_new(1 << 20);
	struct buf	 b = { 0 };
	size_t		 len;
	char		 name[16];
	int		 i;

	for (i = 0; i < (int)HEAP_STATES; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		CHECK(store_state(s, name) == i);
	}
	CHECK(store_state(s, "s7") == 7);
	CHECK(store_state(s, "one-more") == -1 && strstr(store_error(s), "one-more") != NULL);
	CHECK(store_names_save(s, &b) == 0 && store_names_restore(t, b.data, b.len) == 0);
	CHECK(store_state(t, "s255") == 255 && store_state(t, "s0") == 0);
	store_free(t);
	for (len = 0; len < b.len; len++) {
		t = store_new(1 << 20);
		CHECK(store_names_restore(t, b.data, len) == -1 && errno == EBADMSG);
		store_free(t);
	}
	t = store_new(1 << 20);
	b.data[8] = '/';
	CHECK(store_names_restore(t, b.data, b.len) == -1 && errno == EBADMSG);
	store_free(t);
	store_free(s);
	buf_free(&b);
}

static void
a_state_as_bytes_comes_back(void)
{
	struct model	*m = calloc(1, sizeof(*m));
	struct buf	 b = { 0 };
	struct store	*s;
	unsigned	 i;
	size_t		 len;
	int		 good = 1;

	m->memory = 64 << 20;
	m->rng = 5;
	m->s = store_new(m->memory);
	for (i = 0; i < STATES; i++)
		m->number[i] = store_state(m->s, state_names[i]);
	for (i = 0; i < 3000 && good; i++) {
		good = check_put(m, i % STATES, (unsigned)(next(&m->rng) >> 20) % KEYS);
		if (i % 3 == 0)
			good = good && check_remove(m, 0, (unsigned)(next(&m->rng) >> 20) % KEYS);
	}
	CHECK(good && check_all(m) && store_export(m->s, &b) == 0);
	store_free(m->s);
	m->s = store_new(m->memory);
	for (i = 0; i < STATES; i++)
		store_state(m->s, state_names[i]);
	CHECK(store_import(m->s, b.data, b.len) == 0 && check_all(m));
	store_free(m->s);
	for (len = 1; len < 500; len++) {
		s = store_new(m->memory);
		for (i = 0; i < STATES; i++)
			store_state(s, state_names[i]);
		good = store_import(s, b.data, b.len - len) == 0;
		/* whole entries may be missing: it has no count */
		CHECK(good || errno == EBADMSG);
		store_free(s);
	}
	/* states that have no name */
	s = store_new(m->memory);
	CHECK(store_import(s, b.data, b.len) == -1 && errno == EBADMSG);
	store_free(s);
	buf_free(&b);
	free(m);
}

static void
bytes_that_are_no_entries_are_named(void)
{
	static const struct { const char *bytes; size_t len; } bad[] = {
		{ "\x00", 1 }, { "\x00\1\2\3\4", 5 }, { "\x02\1\2\3\4\1\1kv", 9 },
		{ "\x00\1\2\3\4\1\5kv", 9 }, { "\x00\1\2\3\4\xff\xff\xff\xff\x7f", 10 },
		{ "\x00\1\2\3\4\x80\x80\x80\x80\x80\1", 11 }, { "\x00\1\2\3\4\1\1kv\0", 10 },
		{ "\xff\xff\xff\xff\xff", 5 },
	};
	struct jobfile_subtask	 part = { .nranges = 1 };
	struct journal_range	 range;
	struct journal		*j;
	struct store		*s;
	size_t			 i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fresh();
		j = journal_open(dirfd_, dir, "state", 1 << 20);
		CHECK(j != NULL && journal_create(j) == 0);
		CHECK(journal_append(j, bad[i].bytes, bad[i].len) == 0);
		CHECK(journal_mark(j, &range) == 0);
		journal_close(j);
		part.range = &range;
		s = store_new(1 << 20);
		store_state(s, "count");
		CHECK(store_attach(s, dirfd_, dir, GROUPS, 1, &part, 7) == -1 && errno == EBADMSG);
		CHECK(strstr(store_error(s), dir) != NULL &&
		    strstr(store_error(s), "no entry of a state") != NULL);
		store_free(s);
	}
}

/*
 * Numbers that are used up
 */

static void
generations_that_are_used_up_change_nothing(void)
{
	uint64_t seed, batches;

	for (seed = 400; seed < 407; seed++)
		random_steps(seed, 64 << 10 << seed % 3, 1 + (unsigned)seed % RETAINED, 20000, 1,
		    &batches);
}

/* One checkpoint after another, each complete at once. */
static int
checkpoint(struct model *m)
{
	struct store_work *w;

	if (!check_cut(m) || !check_written(m, 1))
		return (0);
	while ((w = store_tend(m->s, STORE_BUSY, 0)) != NULL)
		if (store_work_done(w, store_work_run(w)) == -1)
			return (0);
	return (1);
}

static void
the_journal_stays_within_some_tables(void)
{
	struct model	*m = calloc(1, sizeof(*m));
	uint64_t	 table, most = 0, now;
	unsigned	 i, j, hot;
	int		 good = 1;

	for (hot = 10; hot <= KEYS; hot *= 5) {
		fresh();
		memset(m, 0, sizeof(*m));
		m->memory = 64 << 20;
		m->keep = 1;
		m->rng = 7;
		CHECK(model_attach(m, NULL));
		for (i = 0; i < STATES * KEYS; i++)
			good &= check_put(m, i % STATES, i / STATES);
		CHECK(good && checkpoint(m));
		table = journal_bytes();
		for (i = 0, most = 0; i < 2000 && good; i++) {
			for (j = 0; j < 20; j++)
				good &= check_put(m, j % STATES, (unsigned)(next(&m->rng) >> 20) % hot);
			good = good && checkpoint(m);
			if ((now = journal_bytes()) > most)
				most = now;
		}
		CHECK(good && m->bytes > 30 * table);
		/* the size of the table itself varies with what its values are */
		CHECK(most < 6 * table);
		printf("# table %" PRIu64 ", written %" PRIu64 ", journal at most %" PRIu64 "\n",
		    table, m->bytes, most);
		CHECK(check_restore(m) && check_all(m));
		model_drop(m);
		snapshot_free(&m->retained[0]);
	}
	free(m);
}

/*
 * The page
 */

static void
bytes_in_the_page_are_what_is_written(void)
{
	struct jobfile_subtask	 part = { .range = NULL };
	struct store		*s = store_new(1 << 20);
	struct store_cut	*c;
	struct buf		 name = { 0 };
	unsigned char		 page[128];
	char			 data[128];
	uint64_t		*value, bytes = 0;
	size_t			 n;
	int			 was_fresh, fd;

	fresh();
	CHECK(s != NULL && store_state(s, "reduce") == 0);
	CHECK(store_attach(s, dirfd_, dir, 128, 1, NULL, 0) == 0);
	value = store_put(s, 0, hash_of("melon", 5), "melon", 5, 8, &was_fresh);
	CHECK(value != NULL && was_fresh);
	*value = 2;
	CHECK(store_put(s, 0, hash_of("plum", 4), "plum", 4, 8, &was_fresh) != NULL);
	CHECK(store_remove(s, 0, hash_of("plum", 4), "plum", 4) == 0);
	c = store_cut(s, 1);
	CHECK(c != NULL && store_cut_done(c, store_write(c), &part, &bytes) == 0);
	store_free(s);
	fd = openat(dirfd_, "state.0000000000000000", O_RDONLY);
	n = fd != -1 ? (size_t)read(fd, data, sizeof(data)) : 0;
	close(fd);
	CHECK(n == bytes && page_bytes("man/weir-journal.5", 3, page, sizeof(page)) == n &&
	    memcmp(page, data, n) == 0);
	CHECK(base_key(&name, hash_of("melon", 5) % 128, "reduce", "melon", 5) == 0);
	CHECK(page_bytes("man/weir-journal.5", 4, page, sizeof(page)) == name.len &&
	    memcmp(page, name.data, name.len) == 0);
	if (tap_bad)
		for (fd = 0; fd < 2; fd++, putchar('\n'))
			for (was_fresh = 0; was_fresh < (int)(fd ? name.len : n); was_fresh++)
				printf("%02x ", (fd ? name.data : (unsigned char *)data)[was_fresh]);
	buf_free(&name);
	free(part.range);
}

/*
 * What it costs: build/tests/unit/store bench [KEYS]
 */

static double
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return ((double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6);
}

static void
bench_change(struct store *s, unsigned keys, unsigned step)
{
	char		 key[32];
	unsigned	 i, n;
	uint64_t	*count;
	int		 was_fresh;

	for (i = 0; i < keys; i += step) {
		n = (unsigned)(i * UINT64_C(2654435761) % keys);	/* in no order */
		snprintf(key, sizeof(key), "user%u", n);
		count = store_put(s, 0, hash_of(key, strlen(key)), key, strlen(key), 8, &was_fresh);
		if (count == NULL)
			abort();
		++*count;
	}
}

static void
bench_cut(struct store *s, uint64_t id, const char *what, struct jobfile_subtask *part)
{
	double			 begun = now_ms(), encoded, written;
	struct store_cut	*c = store_cut(s, id);
	uint64_t		 bytes;

	encoded = now_ms();
	if (c == NULL || store_write(c) == -1)
		abort();
	written = now_ms();
	part->nranges = 0;
	store_cut_done(c, 0, part, &bytes);
	printf("%-28s encoded in %6.1f ms, written in %6.1f ms: %" PRIu64 " bytes\n", what,
	    encoded - begun, written - encoded, bytes);
}

static void
bench_work(struct store *s, uint64_t oldest_id)
{
	struct store_work	*w;
	double			 begun, took = 0, owner = 0, most = 0, t, call;
	unsigned		 n = 0;

	store_view(s, oldest_id);
	for (;; n++) {
		begun = now_ms();
		if ((w = store_tend(s, STORE_IDLE, 0)) == NULL)
			break;
		t = now_ms();
		call = t - begun;
		if (store_work_run(w) == -1)
			abort();
		took += now_ms() - t;
		t = now_ms();
		store_work_done(w, 0);
		call += now_ms() - t;
		owner += call;
		most = call > most ? call : most;
	}
	printf("%-28s written in %.0f ms, %u works; the owner's part %.1f ms, at most %.1f\n",
	    "all of it to base", took, n, owner, most);
}

static int
bench(unsigned keys)
{
	struct jobfile_subtask	 part = { .range = NULL };
	struct store		*s = store_new(UINT64_C(1) << 30);
	double			 begun;

	fresh();
	printf("%u keys\n", keys);
	if (s == NULL || store_state(s, "reduce") != 0 ||
	    store_attach(s, dirfd_, dir, 128, 2, NULL, 0) == -1)
		abort();
	begun = now_ms();
	bench_change(s, keys, 1);
	printf("%-28s %.1f ms\n", "put", now_ms() - begun);
	bench_cut(s, 1, "all new", &part);
	bench_change(s, keys, 1);
	bench_cut(s, 2, "all changed", &part);
	bench_change(s, keys, 1);
	bench_cut(s, 3, "all changed", &part);
	bench_change(s, keys, 5);
	bench_cut(s, 4, "a fifth, and the sweep", &part);
	bench_change(s, keys, 100);
	bench_cut(s, 5, "a hundredth, and the sweep", &part);
	store_free(s);

	begun = now_ms();
	s = store_new(UINT64_C(1) << 30);
	if (s == NULL || store_state(s, "reduce") != 0 ||
	    store_attach(s, dirfd_, dir, 128, 2, &part, 5) == -1)
		abort();
	printf("%-28s %.1f ms, %" PRIu64 " bytes of journal for %" PRIu64 " entries\n", "restored in",
	    now_ms() - begun, part.range[0].to - part.range[0].start, store_count(s));
	bench_work(s, 5);
	store_free(s);
	free(part.range);
	disk_wipe(dir);
	return (0);
}

int
main(int argc, char *argv[])
{
	snprintf(dir, sizeof(dir), "/tmp/weir-store-test.%ld", (long)getpid());
	snprintf(crashed, sizeof(crashed), "%s.crashed", dir);
	if (argc > 1 && strcmp(argv[1], "bench") == 0)
		return (bench(argc > 2 ? (unsigned)atoi(argv[2]) : 1000000));
	RUN(bytes_in_the_page_are_what_is_written);
	RUN(random_steps_agree_with_the_model);
	RUN(several_retained_checkpoints_can_be_gone_back_to);
	RUN(memory_bounds_far_below_the_state_agree_with_the_model);
	RUN(power_cuts_leave_every_retained_checkpoint);
	RUN(a_disk_that_fails_is_named_and_costs_nothing);
	RUN(what_does_not_fit_leaves_memory_and_is_read_back);
	RUN(growing_values_do_not_scatter_memory);
	RUN(blocks_that_are_written_early_are_the_same_journal);
	RUN(a_block_that_cannot_be_written_is_named);
	RUN(names_come_back_with_their_numbers);
	RUN(a_state_as_bytes_comes_back);
	RUN(bytes_that_are_no_entries_are_named);
	RUN(generations_that_are_used_up_change_nothing);
	RUN(the_journal_stays_within_some_tables);
	disk_wipe(dir);
	DONE();
}
