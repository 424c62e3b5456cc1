/*
 * Husks, by the truth of every page: random programs that are executed, forked, changed and
 * ended, and after each step all hardware spaces (of programs, of husks, spare ones) are held
 * against a model of what every page may be. Nothing is mapped that an area does not give, with
 * no other right, no other bytes; the counts of frames agree with who has them; and when all
 * have ended every frame is back.
 *
 * The model: a page is a token, repeated. Zeros are token 0, page i of the pack's file is PACKED + i.
 */
#include "truth.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include "guest-kernel/services/membrane/pack.h"
#include "guest-kernel/services/membrane/task.h"

#define VMS      5
#define FILE_MAX 40u

enum kind { NONE, ANON, PACKFILE, PRIVATE, SHARED };

struct page {
	uint8_t kind, prot, flags, written;
	uint32_t index; /* of the file */
	uint64_t token; /* if written */
};

struct model {
	struct ceno_vm *vm;
	struct page page[PAGES];
};

static struct model models[VMS];
static uint64_t seed, tokens, file_token[FILE_MAX], file_pages;
static int tight; /* RAM may be short: calls may fail with ENOMEM, then the program ends */

static uint64_t below(uint64_t n)
{
	seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
	return seed % n;
}

/* ---- the model ------------------------------------------------------------------------ */

static int beyond(const struct page *page)
{
	return page->kind == PACKFILE ? page->index >= PACK_PAGES
				      : (page->kind == PRIVATE || page->kind == SHARED) && page->index >= file_pages;
}

static uint64_t expected(const struct page *page)
{
	if (page->kind == SHARED)
		return file_token[page->index];
	if (page->written)
		return page->token;
	return page->kind == PACKFILE ? PACKED + page->index : page->kind == PRIVATE ? file_token[page->index] : 0;
}

/* What an access to the page has to come to. */
static int answer(const struct page *page, uint64_t access)
{
	if (page->kind == NONE)
		return -EFAULT;
	if (!page->prot || (access != PROT_READ && !(page->prot & access)))
		return -EACCES;
	return beyond(page) ? -EIO : 0;
}

/* ---- what is, held against it ------------------------------------------------------------ */

/* One mapping of a program's space. */
static void check_allowed(const struct page *page, const struct fake_mapping *m)
{
	if (page->kind == NONE) { /* a large page hangs over: check_space knows where it may */
		assert_int_equal(m->object, CENO_SLOT_RAM);
		assert_false(ceno_frames_shared(m->offset, 0));
		return;
	}
	assert_int_equal(answer(page, PROT_READ), 0);
	if (m->rights & CENO_RIGHT_WRITE)
		assert_true((page->prot & PROT_WRITE) && m->object == CENO_SLOT_RAM);
	if (m->rights & CENO_RIGHT_EXECUTE)
		assert_true(page->prot & PROT_EXEC);
	if ((m->rights & CENO_RIGHT_WRITE) && page->kind != SHARED)
		assert_false(ceno_frames_shared(m->offset, 0));
	if (m->object == CENO_SLOT_PACK) {
		assert_true(page->kind == PACKFILE && !page->written);
		assert_int_equal(m->offset, pack_file->stored.offset + page->index * PAGE);
	}
}

static void check_model(struct ceno_vm *vm, const struct model *model, int bytes)
{
	check_space(vm);
	for (uint64_t p = 0; p < PAGES; p++) {
		const struct fake_mapping *m = vm->slot ? fake_space_find(vm->slot, gva_of(p)) : NULL;

		if (m)
			check_allowed(&model->page[p], m);
		if (m && bytes)
			check_bytes(gva_of(p),
			            m->object == CENO_SLOT_RAM ? ceno_ram(m->offset) : ceno_packs_data(m->offset, PAGE),
			            expected(&model->page[p]));
	}
}

static void check_all(int bytes)
{
	for (unsigned i = 0; i < VMS; i++)
		if (models[i].vm)
			check_model(models[i].vm, &models[i], bytes);
	check_husks();
	check_spares();
	check_owners();
}

/* ---- a program's accesses --------------------------------------------------------------- */

static void write_token(struct page *page, uint64_t *at, uint64_t token)
{
	for (unsigned i = 0; i < PAGE / 8; i++)
		at[i] = token;
	if (page->kind == SHARED) {
		file_token[page->index] = token;
	} else {
		page->written = 1;
		page->token = token;
	}
}

/* 1: the access was allowed, and done. */
static int access_page(struct model *m, uint64_t p, uint64_t access)
{
	struct page *page = &m->page[p];
	uint64_t *at = NULL;
	int result = touch(m->vm, gva_of(p), access, &at);

	if (tight && (result == -ENOMEM || (result == -EIO && page->kind >= PRIVATE))) /* a full file system */
		return 0;
	assert_int_equal(result, answer(page, access));
	if (result)
		return 0;
	check_bytes(gva_of(p), at, expected(page));
	if (access == PROT_WRITE)
		write_token(page, at, ++tokens);
	return 1;
}

/* ---- programs ------------------------------------------------------------------------------ */

static void forget(struct model *m)
{
	if (m->vm)
		ceno_vm_drop(m->vm);
	m->vm = NULL;
	memset(m->page, 0, sizeof(m->page));
}

static void set_pages(struct model *m, uint64_t p, uint64_t n, const struct page *page)
{
	for (uint64_t i = 0; i < n; i++) {
		m->page[p + i] = *page;
		m->page[p + i].index += (uint32_t)i;
	}
}

static const uint8_t prots[] = { 0, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC };

static struct page any_page(void)
{
	struct page page = { .kind = (uint8_t)(ANON + below(4)), .prot = prots[below(5)] };

	if (page.kind == ANON && below(3))
		page.prot = PROT_READ | PROT_WRITE;
	if ((page.kind == PRIVATE || page.kind == SHARED) && (page.prot & PROT_EXEC))
		page.prot = PROT_READ;
	if (page.kind == PACKFILE)
		page.index = (uint32_t)(below(8) ? 7 * below(3) : below(4) ? pack_large : PACK_PAGES - 12);
	if (page.kind == PRIVATE || page.kind == SHARED)
		page.index = (uint32_t)below(4);
	return page;
}

/* What execve makes: areas, at few places so that programs are alike, and a few pages written
 * before there is a space. */
static void execute(struct model *m)
{
	struct ceno_vm *vm = ceno_vm_new();
	uint64_t shape;

	if (tight && !vm)
		return;
	forget(m);
	m->vm = vm;
	shape = 88172645463325252ull * (1 + below(3)); /* one of three programs, with changes */
	for (uint64_t p = 0; p < PAGES;) {
		uint64_t room = PAGES - p, own = seed, n;
		struct page page;
		struct ceno_area area;
		int there;

		seed = shape;
		n = below(8) ? 1 + below(below(4) ? 60 : 700) : CENO_LEAF_PAGES - p % CENO_LEAF_PAGES;
		if (p % CENO_LEAF_PAGES == 0 && !below(3))
			n = CENO_LEAF_PAGES; /* may be a large page */
		page = any_page();
		there = below(4) != 0;
		shape = seed;
		seed = own;
		if (!below(4))
			page = any_page();
		if (p < REGIONS * CENO_LEAF_PAGES && room > REGIONS * CENO_LEAF_PAGES - p)
			room = REGIONS * CENO_LEAF_PAGES - p;
		n = n < room ? n : room;
		area = (struct ceno_area){ .start = gva_of(p),
			                   .end = gva_of(p) + n * PAGE,
			                   .prot = page.prot,
			                   .flags = page.kind == SHARED ? CENO_AREA_SHARED : 0,
			                   .offset = page.kind == ANON ? 0 : page.index * PAGE,
			                   .file = page.kind == ANON   ? NULL
			                       : page.kind == PACKFILE ? pack_file
			                                               : ram_file };
		if (there && ceno_vm_add(vm, &area) == 0)
			set_pages(m, p, n, &page);
		p += n;
	}
	for (int i = 0; i < 6; i++) {
		uint64_t p = below(PAGES), got;
		int error = 0;
		uint64_t *at =
		    m->page[p].kind == SHARED ? NULL : ceno_pages_reach(vm, gva_of(p), PROT_WRITE, &got, &error);

		if (at)
			write_token(&m->page[p], at, ++tokens);
	}
}

static void fork_into(struct model *m, struct model *other)
{
	if (other->vm || other == m)
		return;
	other->vm = ceno_vm_fork(m->vm);
	assert_true(tight || other->vm);
	if (!other->vm)
		return;
	memcpy(other->page, m->page, sizeof(m->page));
	for (uint64_t p = 0; p < PAGES; p++) {
		if (other->page[p].flags & CENO_AREA_DONTFORK)
			other->page[p] = (struct page){ 0 };
		else if (other->page[p].flags & CENO_AREA_WIPEONFORK)
			other->page[p].written = 0;
	}
}

/* ---- calls --------------------------------------------------------------------------------- */

struct range {
	uint64_t p, n, gva;
};

static struct range any_range(void)
{
	struct range r = { below(PAGES), 1 + below(below(3) ? 24 : 600), 0 };
	uint64_t end = r.p < REGIONS * CENO_LEAF_PAGES ? REGIONS * CENO_LEAF_PAGES : PAGES;

	if (!below(6)) {
		r.p -= r.p % CENO_LEAF_PAGES;
		r.n = CENO_LEAF_PAGES;
	}
	r.n = r.n < end - r.p ? r.n : end - r.p;
	r.gva = gva_of(r.p);
	return r;
}

/* 1: the call failed for lack of RAM, and the program is gone. */
static int starved(struct model *m, int64_t result)
{
	if (!tight || result != -ENOMEM)
		return 0;
	ceno_self()->vm = NULL;
	forget(m);
	return 1;
}

static void call_mmap(struct model *m, struct range r)
{
	struct page page = any_page();
	int flags =
	    MAP_FIXED | (page.kind == SHARED ? MAP_SHARED : MAP_PRIVATE) | (page.kind == ANON ? MAP_ANONYMOUS : 0);
	int64_t fd = page.kind == PACKFILE ? pack_fd
	    : page.kind == ANON            ? -1
					   : ram_fd,
		result = sys(SYS_mmap, r.gva, r.n * PAGE, page.prot, flags, fd, page.index * PAGE);

	if (starved(m, result))
		return;
	assert_int_equal(result, r.gva);
	set_pages(m, r.p, r.n, &page);
}

static void call_munmap(struct model *m, struct range r)
{
	int64_t result = sys(SYS_munmap, r.gva, r.n * PAGE);
	const struct page none = { 0 };

	if (starved(m, result))
		return;
	assert_int_equal(result, 0);
	for (uint64_t i = 0; i < r.n; i++)
		m->page[r.p + i] = none;
}

static void call_mprotect(struct model *m, struct range r)
{
	uint8_t prot = prots[below(5)];
	int64_t wanted = 0, result;

	for (uint64_t i = 0; i < r.n; i++)
		if ((prot & PROT_EXEC) && m->page[r.p + i].kind >= PRIVATE)
			return;
	for (uint64_t i = 0; i < r.n && !wanted; i++)
		wanted = m->page[r.p + i].kind == NONE ? -ENOMEM : 0;
	result = sys(SYS_mprotect, r.gva, r.n * PAGE, prot);
	if (!wanted && starved(m, result))
		return;
	assert_int_equal(result, wanted);
	for (uint64_t i = 0; i < r.n && m->page[r.p + i].kind != NONE; i++)
		m->page[r.p + i].prot = prot;
}

static void call_madvise(struct model *m, struct range r)
{
	static const int kinds[] = { MADV_DONTNEED, MADV_DONTNEED,   MADV_DONTFORK,
		                     MADV_DOFORK,   MADV_WIPEONFORK, MADV_KEEPONFORK };
	int advice = kinds[below(6)];
	int64_t wanted = 0, result;

	for (uint64_t i = 0; i < r.n && wanted != -EINVAL; i++)
		wanted = m->page[r.p + i].kind == NONE                           ? -ENOMEM
		    : m->page[r.p + i].kind != ANON && advice == MADV_WIPEONFORK ? -EINVAL
										 : wanted;
	result = sys(SYS_madvise, r.gva, r.n * PAGE, advice);
	if (wanted != result && starved(m, result))
		return;
	assert_int_equal(result, wanted);
	for (uint64_t i = 0; i < r.n; i++) {
		struct page *page = &m->page[r.p + i];

		if (page->kind == NONE)
			continue;
		if (advice == MADV_WIPEONFORK && page->kind != ANON)
			return;
		if (advice == MADV_DONTNEED)
			page->written = 0;
		else if (advice == MADV_DONTFORK || advice == MADV_DOFORK)
			page->flags = (uint8_t)((page->flags & ~CENO_AREA_DONTFORK) |
			                        (advice == MADV_DONTFORK ? CENO_AREA_DONTFORK : 0));
		else
			page->flags = (uint8_t)((page->flags & ~CENO_AREA_WIPEONFORK) |
			                        (advice == MADV_WIPEONFORK ? CENO_AREA_WIPEONFORK : 0));
	}
}

static void call_mremap(struct model *m, struct range r)
{
	uint64_t to = below(REGIONS) * CENO_LEAF_PAGES + (r.p % CENO_LEAF_PAGES ? below(400) : 0);
	const struct page none = { 0 };
	int64_t result;

	if (tight || to + r.n > REGIONS * CENO_LEAF_PAGES || (to < r.p + r.n && r.p < to + r.n))
		return;
	result = sys(SYS_mremap, r.gva, r.n * PAGE, r.n * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, gva_of(to));
	if (result == -EFAULT) /* not one area */
		return;
	assert_int_equal(result, gva_of(to));
	for (uint64_t i = 0; i < r.n; i++) {
		m->page[to + i] = m->page[r.p + i];
		m->page[r.p + i] = none;
	}
}

/* The kernel's hand: a page from the file, or into it. */
static void call_copy(struct model *m, uint64_t p)
{
	uint64_t i = below(FILE_MAX), into = below(2);
	int64_t result;

	if (tight || i >= file_pages) /* to run out of RAM here ends the process */
		return;
	result = sys(into ? SYS_pread64 : SYS_pwrite64, ram_fd, gva_of(p), PAGE, i * PAGE);
	if (answer(&m->page[p], into ? PROT_WRITE : PROT_READ)) {
		assert_int_equal(result, -EFAULT);
		return;
	}
	assert_int_equal(result, PAGE);
	if (!into) {
		file_token[i] = expected(&m->page[p]);
	} else if (m->page[p].kind == SHARED) {
		file_token[m->page[p].index] = file_token[i];
	} else {
		m->page[p].token = file_token[i];
		m->page[p].written = 1;
	}
}

static void call_truncate(void)
{
	uint64_t pages = below(FILE_MAX + 1);
	int64_t result = sys(SYS_ftruncate, ram_fd, pages * PAGE);

	assert_true(result == 0);
	for (uint64_t i = pages; i < FILE_MAX; i++)
		file_token[i] = 0;
	for (unsigned k = 0; pages < file_pages && k < VMS; k++)
		for (uint64_t p = 0; models[k].vm && p < PAGES; p++)
			if (models[k].page[p].kind == PRIVATE && models[k].page[p].index >= pages &&
			    models[k].page[p].index < file_pages)
				models[k].page[p].written = 0;
	file_pages = pages;
}

static void step(void)
{
	struct model *m = &models[below(VMS)], *other = &models[below(VMS)];
	struct range r = any_range();
	uint64_t what = below(100), p = below(PAGES);

	if (!m->vm) {
		execute(m);
		return;
	}
	live_in(m->vm);
	if (what < 10)
		fork_into(m, other);
	else if (what < 20 && other != m)
		forget(other);
	else if (what < 24 && other != m)
		execute(other);
	else if (what < 28)
		call_mmap(m, r);
	else if (what < 31)
		call_munmap(m, r);
	else if (what < 36)
		call_mprotect(m, r);
	else if (what < 40)
		call_madvise(m, r);
	else if (what < 43)
		call_mremap(m, r);
	else if (what < 45)
		call_copy(m, p);
	else if (what < 46)
		call_truncate();
	else if (what < 60)
		(void)access_page(m, p, PROT_EXEC);
	else
		for (uint64_t i = 0; i < 12 && p + i < PAGES; i++)
			(void)access_page(m, p + i, what < 80 ? PROT_READ : PROT_WRITE);
}

/* ---- the whole -------------------------------------------------------------------------------- */

/* RAM that is not there. */
static uint64_t eat(uint64_t chunks)
{
	uint64_t eaten = CENO_NO_FRAME;

	for (uint64_t i = 0; i < chunks; i++) {
		uint64_t frame = ceno_frames_alloc(CENO_ORDER_LARGE);

		assert_true(frame != CENO_NO_FRAME);
		*(uint64_t *)ceno_ram(frame) = eaten;
		eaten = frame;
	}
	return eaten;
}

static void give_back(uint64_t eaten)
{
	while (eaten != CENO_NO_FRAME) {
		uint64_t next = *(uint64_t *)ceno_ram(eaten);

		ceno_frames_free(eaten, CENO_ORDER_LARGE);
		eaten = next;
	}
}

static void end_all(uint64_t used)
{
	live_in(first);
	for (unsigned i = 0; i < VMS; i++)
		forget(&models[i]);
	while (ceno_husk_release())
		;
	assert_int_equal(sys(SYS_ftruncate, ram_fd, 0), 0);
	assert_int_equal(ceno_frames_used(), used);
	check_spares();
}

static void run(uint64_t first_seed, uint32_t pool, uint64_t chunks, int steps)
{
	uint64_t used, eaten;

	boot();
	memset(models, 0, sizeof(models));
	memset(file_token, 0, sizeof(file_token));
	file_pages = 0;
	used = ceno_frames_used();
	seed = first_seed;
	fake_pool_pages = pool;
	tight = chunks > 10;
	eaten = eat(chunks);
	for (int i = 0; i < steps; i++) {
		step();
		check_all(i % 8 == 0);
	}
	check_all(1);
	give_back(eaten);
	end_all(used);
}

static void test_model(void **state)
{
	(void)state;
	for (uint64_t i = 1; i <= 2; i++)
		run(88172645463325252ull * i, 4096, 0, 1000);
}

static void test_model_little_ram(void **state)
{
	(void)state;
	for (uint64_t i = 1; i <= 2; i++)
		run(36172645463325252ull * i, 4096, 8, 1000);
}

static void test_model_no_ram(void **state)
{
	(void)state;
	for (uint64_t i = 1; i <= 2; i++)
		run(56172645463325252ull * i, 4096, 12, 1000);
}

static void test_model_few_spaces(void **state)
{
	(void)state;
	for (uint64_t i = 1; i <= 2; i++)
		run(7172645463325252ull * i, 140 + 60 * (uint32_t)i, 0, 1000);
}
int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_model_little_ram),
		cmocka_unit_test(test_model_no_ram),
		cmocka_unit_test(test_model_few_spaces),
	};

	return cmocka_run_group_tests_name("membrane husk model", tests, NULL, NULL);
}
