/*
 * Tasks (Linux threads), processes (thread groups), and who of them runs.
 *
 *                  .--------------- ceno_wake, deadline, signal --------------.
 *                  v                                                          |
 *   new --> RUNNABLE --(its turn)--> current --(the call cannot finish)--> BLOCKED
 *              ^                        |  |
 *              |                        |  `--(SIGSTOP)--> STOPPED --(SIGCONT)--> where it was
 *              `--(tick, yield, fork)---'  `--(exit, kill)--> freed; its process a ZOMBIE with its last task
 *
 * Calls are restarted, never suspended: membrane has one stack, so a call that cannot
 * finish changes nothing, says `return ceno_block(key, deadline)`, and is made again
 * from the same registers when somebody woke the key, the deadline passed or a signal
 * came. What it must remember until then is in task->call.
 *
 * Invariants: a task's registers are in the trap page and the processor exactly while
 * it is ceno_current and loaded (sched.c), else in the task; a BLOCKED task is on the
 * list of block.c and its call is made again before it executes an instruction; no task
 * outlives its process, no process its request.
 */
#ifndef CENO_MEMBRANE_TASK_H
#define CENO_MEMBRANE_TASK_H

#include "membrane.h"
#include "vfs.h"

#define CENO_TASKS 256u              /* in a session, processes that ended unnoticed included */
#define CENO_NEVER (UINT64_MAX >> 1) /* a deadline that does not come */

/* Results of a system call that are not its program's (linux.h has Linux's own). */
#define CENO_BLOCKED   (-600) /* ceno_block */
#define CENO_NO_RESULT (-601) /* the call set the registers itself */

enum ceno_task_state { CENO_TASK_RUNNABLE = 1, CENO_TASK_BLOCKED, CENO_TASK_STOPPED, CENO_TASK_ENDED };

struct ceno_vm;
struct ceno_files;
struct ceno_queued_signal;

/* Signals that wait: which, and what each carries (signal.c). */
struct ceno_pending {
	uint64_t set; /* bit signal - 1 */
	struct ceno_queued_signal *first, *last;
};

/* A program's registers while it does not run, in the order of enum ceno_gpr. */
struct ceno_regs {
	uint64_t gpr[16];
	uint64_t rip, rflags, fs_base, gs_base;
};

/* What a restarted call remembers. All zero when a call begins. */
struct ceno_call {
	uint64_t progress;   /* the call's own: bytes moved so far, ... */
	uint64_t deadline;   /* ceno_call_deadline; 0: not asked for yet */
	uint64_t data[2];    /* the call's own */
	uint8_t timed_out;   /* the deadline of ceno_block passed */
	uint8_t woken;       /* the call's waker says that it is done (futex.c) */
	uint8_t interrupted; /* a signal waits: do not block again */
};

struct ceno_task {
	uint32_t tid;
	uint8_t state;                /* enum ceno_task_state */
	uint8_t call_again;           /* its call is made before it runs */
	uint8_t restore_mask;         /* saved_mask comes back with the next delivery of signals */
	uint8_t killable;             /* no signal ends its wait, only the end of its process */
	uint8_t queued;               /* on the run queue or the list of blocked tasks */
	struct ceno_process *process; /* holds it */
	struct ceno_task *sibling;    /* next thread of the process */
	struct ceno_task *next, *previous;
	struct ceno_regs regs;
	struct ceno_call call;
	int32_t restart; /* -LX_ERESTART* of the call that a signal interrupted, or 0 */
	const void *wait_key;
	uint64_t wait_deadline;
	const void *futex; /* with wait_key ceno_futex_key: which word (futex.c) */
	uint64_t futex_offset;
	uint32_t futex_bits;
	uint32_t fault_vector; /* of the last fault: what its signal frame says */
	uint64_t fault_error, fault_cr2;
	uint64_t mask, saved_mask;   /* of blocked signals: bit signal - 1 */
	uint64_t wants;              /* signals that rt_sigtimedwait waits for, blocked or not */
	struct ceno_pending pending; /* signals to this thread */
	struct lx_stack alt_stack;   /* size 0: none */
	struct ceno_process *vfork;  /* the child it waits for, until that has its own memory */
	uint64_t clear_child_tid, robust_list;
	uint64_t rseq; /* registered address, or 0 (rseq.c) */
	uint32_t rseq_signature;
	uint64_t run_tsc; /* processor time used */
	char name[16];    /* prctl PR_SET_NAME */
	void *fpu;        /* XSAVE area, in the task's own frames */
};

struct ceno_process {
	uint32_t pid, pgid, sid;
	uint32_t refs;               /* slot taken */
	struct ceno_process *parent; /* NULL: membrane itself */
	struct ceno_task *threads;
	struct ceno_vm *vm;       /* counted */
	struct ceno_files *files; /* counted */
	struct ceno_inode *cwd;   /* counted in its uses */
	uint32_t umask;
	int32_t nice;              /* kept; the scheduler does not ask */
	uint32_t policy, barriers; /* policy.c */
	uint32_t dumpable, no_new_privs;
	uint32_t denied;                  /* promise.c */
	struct ceno_unveil *unveil;       /* counted; NULL: everything is visible */
	uint32_t exit_signal;             /* what its parent gets when it ends; 0: nothing */
	uint32_t death_signal;            /* PR_SET_PDEATHSIG */
	uint32_t exit_status, signal;     /* how it ended */
	uint8_t ending;                   /* its tasks end before they run again */
	uint8_t zombie;                   /* ended; its parent has not waited for it */
	uint8_t executed;                 /* has made an execve since its fork */
	uint8_t stopped;                  /* by the signal stop_signal; its tasks are STOPPED */
	uint8_t tell_stop, tell_continue; /* wait may still report it */
	uint32_t stop_signal;
	struct ceno_task *vfork;     /* who waits until it has its own memory */
	struct ceno_pending pending; /* signals to any of its threads */
	uint64_t start_tsc;
	uint64_t ended_tsc;    /* processor time of threads that ended */
	uint64_t children_tsc; /* of children waited for, and theirs */
	struct {
		uint64_t deadline, interval; /* of processor time or TSC; 0: off */
	} itimer[3];
	struct lx_sigaction action[LX_SIGNALS + 1];
	struct lx_rlimit limit[16];
	char path[CENO_PATH_MAX]; /* of its program's file */
};

/* Whose call is served, whose turn it is. NULL between programs. */
extern struct ceno_task *ceno_current;
static inline struct ceno_process *ceno_self(void)
{
	return ceno_current->process;
}

/* ---- tables (task.c) -------------------------------------------------------- */

/* No task exists. Once per boot, after ceno_frames_init. */
void ceno_tasks_init(void);
/* A process with one task, runnable, its registers and everything else zero; pids begin
 * with CENO_PID when no other exists. NULL: no RAM, or CENO_TASKS of them. */
struct ceno_process *ceno_process_new(struct ceno_process *parent);
/* Another task of a process, the same way. */
struct ceno_task *ceno_task_new(struct ceno_process *process);
/* Frees a task, which is on no list and does not run again. */
void ceno_task_free(struct ceno_task *task);
/* Frees a process without tasks. */
void ceno_process_free(struct ceno_process *process);
/* How many tasks there are. */
uint32_t ceno_tasks_count(void);
/* By number; NULL: there is none. ceno_task_at, ceno_process_at: the i-th slot, may be NULL. */
struct ceno_task *ceno_task_find(int32_t tid);
struct ceno_process *ceno_process_find(int32_t pid);
struct ceno_task *ceno_task_at(uint32_t i);
struct ceno_process *ceno_process_at(uint32_t i);

/* Whether a process is in this group, and session (0: any) (group.c). */
int ceno_group_exists(uint32_t pgid, uint32_t sid);

/* ---- blocking (block.c) ----------------------------------------------------- */

/* The result of a call that cannot finish until somebody wakes key (an address that
 * membrane owns) or the TSC reaches the deadline: return it at once. If a signal ends
 * the wait it is -LX_ERESTARTSYS, which SA_RESTART makes again, or EINTR. A call that
 * returns something else after all did not block. */
int64_t ceno_block(const void *key, uint64_t deadline_tsc);
/* The same for a call that no handler lets go on: -LX_ERESTARTNOHAND. */
int64_t ceno_block_once(const void *key, uint64_t deadline_tsc);
/* The same for a wait that no signal ends but one that kills. */
int64_t ceno_block_killable(const void *key);
/* The TSC so many nanoseconds after the call was first made. */
uint64_t ceno_call_deadline(uint64_t ns);

/* Whoever waits for key makes its call again. */
void ceno_wake(const void *key);
/* One blocked task: its call is made again, with call.woken if `woken`. */
void ceno_wake_task(struct ceno_task *task, int woken);
/* poll, select, epoll wait for this key: wake them when any file's readiness changes. */
extern const char ceno_poll_key, ceno_stdio_key;
void ceno_wake_pollers(void);
/* The first blocked task of the list, in the order they blocked; ->next is the next. */
struct ceno_task *ceno_blocked_first(void);

/* ---- the scheduler (sched.c) ------------------------------------------------ */

/* Something stands between the current task and its next instruction: it blocked,
 * ended, was stopped, has a signal, or yields. Looked at after every trap. */
extern uint32_t ceno_attention;
/* The TSC at which the scheduler must look at the clock: a deadline, a timer, the end
 * of the current task's turn if others wait for theirs. */
extern uint64_t ceno_event_tsc;

/* Where the current task's registers are: in ceno_sched_regs, or, since it came here by
 * a call or a fault, in the trap page. */
extern enum ceno_trap_kind { CENO_IN_NOTHING, CENO_IN_CALL, CENO_IN_FAULT } ceno_in_trap;

/* Puts a task at the end of the queue. */
void ceno_sched_ready(struct ceno_task *task);
/* Takes it out, whatever list it is on. */
void ceno_sched_remove(struct ceno_task *task);
/* The current task goes to the end of the queue after this trap, if others are ready. */
void ceno_sched_yield(void);
/* The current task made a process. If there are some already its turn ends: those before get on, and mostly
 * end, before there are more processes than hardware spaces. */
void ceno_sched_forked(void);
/* What passed since then, on the current task's memory, is not of its turn (up to a limit): with more
 * programs than spaces turns would be over before their first instruction, and nobody got on. */
void ceno_sched_lengthen(uint64_t since_tsc);
/* Asks the scheduler to look at the clock at that time. */
void ceno_sched_at(uint64_t tsc);
/* The current task's registers are in task->regs from now on, not in the trap page:
 * for calls that read or change more than rax. They return CENO_NO_RESULT or a result. */
struct ceno_regs *ceno_sched_regs(void);
/* After a trap of the current task: its call's result is stored, the next task entered. */
_Noreturn void ceno_sched_after_call(int64_t result);
_Noreturn void ceno_sched_after_fault(void);
/* Enters the current task, the only one there is. */
_Noreturn void ceno_sched_start(void);
/* Enters whoever is next; sleeps while there is nobody. */
_Noreturn void ceno_sched_run(void);
/* Processor time of a process, of a task, in TSC cycles. */
uint64_t ceno_sched_process_tsc(const struct ceno_process *process);
uint64_t ceno_sched_task_tsc(const struct ceno_task *task);
/* The task is about to be freed: nothing of it is in the processor. */
void ceno_sched_forget(const struct ceno_task *task);
/* The current task's XSAVE area, all of its state in it. _reload: it was changed there. */
void *ceno_sched_fpu(void);
void ceno_sched_fpu_reload(void);
/* Stops a task that is not ENDED, on whatever list; lets it go on. */
void ceno_sched_stop(struct ceno_task *task);
void ceno_sched_continue(struct ceno_task *task);

/* ---- the end of tasks and processes (exit.c) --------------------------------- */

/* Marks the current process for its end, which comes before any of its tasks runs again.
 * The first call wins. */
void ceno_process_exit(uint32_t status);
void ceno_process_kill(struct ceno_process *process, uint32_t signal);
/* A page of the current process has no RAM left to back it. */
void ceno_process_out_of_memory(void);
/* RAM ran out: what programs have left of reading ahead goes (ahead.h); if there is nothing of that, whoever holds
 * most of it is killed, as in Linux. Another's memory is given back at once, but nothing else of it: a call in its
 * middle may hold that. 1: try again; 0: it is the current process. */
int ceno_process_make_room(void);

/* Ends the current task, which is marked ENDED, or with it its process, which is marked
 * `ending`: everything they hold is given back, whoever waits is told. */
void ceno_task_settle(void);
/* The current task is the only one of its process from now on (execve). */
void ceno_task_alone(void);
/* The current process has memory of its own, or ends: its parent's vfork returns. */
void ceno_vfork_done(struct ceno_process *process);
/* Frees everything of every process, telling nobody: the request is over. */
void ceno_processes_end(void);

/* ---- futexes (futex.c) -------------------------------------------------------- */

/* Wakes one waiter of the word at gva of the current process's memory, if any. */
void ceno_futex_wake_one(uint64_t gva);
/* What a dying thread's robust list asks for. */
void ceno_futex_robust(struct ceno_task *task);

/* ---- signals (signal.c, action.c, sigframe.c) ---------------------------------- */

#define CENO_SIGNAL_BIT(signal) (1ull << ((signal)-1))

struct ceno_queued_signal {
	struct ceno_queued_signal *next;
	struct lx_siginfo info;
};

/* Raises info->signo (1 to LX_SIGNALS) in a process, or in one of its tasks. Returns 0, or
 * -LX_EAGAIN: a queued (real-time) signal for which there is no room. */
int ceno_signal_process(struct ceno_process *process, const struct lx_siginfo *info);
int ceno_signal_task(struct ceno_task *task, const struct lx_siginfo *info);
/* A signal of the kernel's own to the current task, or a process (SI_KERNEL). */
void ceno_signal_self(uint32_t signal);
void ceno_signal_kernel(struct ceno_process *process, uint32_t signal);
/* A fault of the current task: its handler, or the end, whatever the mask says. */
void ceno_signal_fault(uint32_t signal, int32_t code, uint64_t address);
/* Whether a signal waits for the task that it does not block. */
int ceno_signal_due(const struct ceno_task *task);
/* Takes the next signal of the current task out of `set`. Returns it or 0. */
uint32_t ceno_signal_take(uint64_t set, struct lx_siginfo *info);
/* Acts on the current task's signals that are due. */
void ceno_signal_deliver(void);
/* Changes the current task's mask of blocked signals. */
void ceno_signal_mask(uint64_t mask);
/* The mask while the call lasts, as ppoll and pselect want it; before each ceno_block_once. */
void ceno_signal_mask_for_call(uint64_t mask);
/* Forgets all that wait in `pending`. */
void ceno_signal_flush(struct ceno_pending *pending, uint64_t set);
/* execve: handlers become default actions. */
void ceno_signal_exec(void);
/* No signal is queued. Once per boot. */
void ceno_signals_init(void);
/* Writes the frame of a handler and makes the current task enter it. mask: what comes back
 * after it. Returns 0 or -LX_EFAULT. */
int ceno_sigframe_push(const struct lx_siginfo *info, const struct lx_sigaction *action, uint64_t mask);

/* Whether rsp lies in the alternate stack (which then must not change). */
int ceno_sigframe_on_stack(const struct lx_stack *stack, uint64_t rsp);

/* ---- restartable sequences (rseq.c) ---------------------------------------------- */

/* Others ran, or a handler will, between two instructions of the current task, whose
 * registers are in task->regs. */
void ceno_rseq_interrupted(void);

/* ---- timers (timer.c) ----------------------------------------------------------- */

void ceno_timers_init(void);
/* Raises what is due; returns when the next one is. */
uint64_t ceno_timers_expire(uint64_t now);
/* A process ends (all) or executes another program (all but the itimers). */
void ceno_timers_forget(struct ceno_process *process, int all);

#endif
