/*
 * The loop: requests of services, events of the nucleus. Messages come before events,
 * so what a fiber asked for before it crashed is done before it is restarted.
 */
#include "init.h"
#include "lib/mem.h"

#define ENDS        (CENO_FIBER_EVENT_FAULT | CENO_FIBER_EVENT_KILLED | CENO_FIBER_EVENT_EXIT)
#define SEAL_YIELDS 1000u

static struct service *find_service(struct init *init, uint64_t fiber)
{
	for (uint32_t i = 0; i < init->count; i++)
		if (init->service[i].fiber && init->service[i].fiber == fiber)
			return &init->service[i];
	return NULL;
}

/* prov's end while it should seal. It is restarted as at any other time; were it essential, the
 * session would end here again. */
static void ended_late(struct init *init, struct service *s, const struct ceno_fiber_event *e)
{
	if (s->module->id == CENO_MODULE_PROV && !(s->module->flags & CENO_MODULE_ESSENTIAL) &&
	    !(e->what & CENO_FIBER_EVENT_EXIT))
		service_crashed(init, s);
	else
		trail_dead(init, s);
}

/* prov is given time to seal: the session ends whether it does or not. */
static void end_session(struct init *init, enum ceno_stop code)
{
	struct ceno_fiber_event event;

	trail_finish(init);
	for (uint32_t n = 0; n < SEAL_YIELDS && init->trail == TRAIL_ON && !init->sealed; n++) {
		while (supervise_receive(init, &event, false))
			if (find_service(init, event.fiber) && event.what & ENDS)
				ended_late(init, find_service(init, event.fiber), &event);
		must(ceno_tick(1, 0, NULL));
	}
	init_stop(code);
}

/* When nobody is left whom prov could tell of, it seals. */
static void finish_if_over(struct init *init)
{
	for (uint32_t i = 0; i < init->count; i++)
		if (!init->service[i].over && init->service[i].module->id != CENO_MODULE_PROV)
			return;
	trail_finish(init);
}

static void service_over(struct init *init, struct service *s)
{
	s->over = 1;
	trail_dead(init, s);
	finish_if_over(init);
}

void service_crashed(struct init *init, struct service *s)
{
	if (s->module->flags & CENO_MODULE_ESSENTIAL)
		end_session(init, CENO_STOP_SERVICE_FAULT);
	if (s->restarts == s->module->restarts_max) {
		service_over(init, s);
		return;
	}
	s->restarts++;
	service_remake(init, s);
	service_run(s);
	trail_again(init, s);
}

static void take_request(struct init *init, uint32_t from, const struct ceno_supervisor_request *r)
{
	struct service *s = find_service(init, from);

	if (s && s->module->id == CENO_MODULE_PROV && r->what == CENO_PROV_FINISH)
		init->sealed = 1;
	else if (s && r->what == CENO_SUPERVISOR_CHECKPOINT && ceno_mem_is_zero(r->reserved, sizeof r->reserved) &&
	         checkpoint_take(s))
		trail_checkpoint(init, s);
}

/* Nothing that comes along is wanted; left in its slot it would hold up the next. */
static void close_came(void)
{
	int64_t rc;

	do
		rc = ceno_mask(SLOT_CAME, 0, 0, 0, 0);
	while (rc == CENO_E_AGAIN);
	must(rc);
}

/* The native program that runs; NULL: there is none. */
static struct service *find_native(struct init *init)
{
	for (uint32_t i = 0; i < init->count; i++)
		if (is_native(&init->service[i]) && init->service[i].fiber && !init->service[i].over)
			return &init->service[i];
	return NULL;
}

bool supervise_receive(struct init *init, struct ceno_fiber_event *event, bool wait)
{
	union {
		struct ceno_message message;
		struct ceno_fiber_event event;
		struct ceno_supervisor_request request;
	} got;
	struct service *s = find_native(init); /* nobody but init hears for it that the session ends */
	uint32_t from;
	int came;
	int64_t rc = ceno_receive(CENO_SLOT_SUPERVISOR, SLOT_CAME, !wait ? 1 : s ? 2 : 0, &got.message, &came, &from);

	*event = (struct ceno_fiber_event){ 0 };
	if (rc == CENO_E_AGAIN)
		return false;
	must(rc);
	if (came)
		close_came();
	if (rc == 2) {
		native_narrow(s);
		if (native_is_stopped())
			must(ceno_revoke(SLOT_FIBER + s->number, CENO_RIGHTS_ALL)); /* EXIT comes */
	} else if (rc == 1) {
		*event = got.event;
		s = find_service(init, event->fiber);
		if (s)
			s->pledge = (uint8_t)(event->strikes >> 16);
		trail_event(init, event);
	} else {
		take_request(init, from, &got.request);
	}
	return true;
}

_Noreturn void supervise(struct init *init, struct ceno_fiber_event *event)
{
	finish_if_over(init); /* a native program that was refused never began */
	for (; !init->sealed; supervise_receive(init, event, true)) {
		struct service *s = find_service(init, event->fiber);

		if (s && event->what & (CENO_FIBER_EVENT_FAULT | CENO_FIBER_EVENT_KILLED)) {
			service_crashed(init, s);
			native_crashed(s, event);
		} else if (s && event->what & CENO_FIBER_EVENT_EXIT)
			service_over(init, s);
	}
	init_stop(CENO_STOP_NO_FIBER); /* none of ours; what a native program left behind ends with it */
}
