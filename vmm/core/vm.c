/*
 * Building the VM. See vm.h.
 */
#include "vmm/core/vm.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/core/launch_check.h"
#include "vmm/kvm/step.h"

static ceno_gpa_t doorbell_gpa(uint32_t class)
{
	return (ceno_gpa_t){ CENO_GPA_DOORBELL + class * CENO_PAGE };
}

/* One doorbell and one interrupt. */
static int open_window(struct ceno_vm *vm, uint32_t class)
{
	vm->doorbell_fd[class] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	vm->irq_fd[class] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (vm->doorbell_fd[class] < 0 || vm->irq_fd[class] < 0)
		return -errno;
	int result = ceno_kvm_irqfd(&vm->kvm, vm->irq_fd[class], class);
	return result ? result : ceno_kvm_doorbell(&vm->kvm, vm->doorbell_fd[class], doorbell_gpa(class));
}

static int close_window(struct ceno_vm *vm, uint32_t class)
{
	int result = ceno_kvm_doorbell_end(&vm->kvm, vm->doorbell_fd[class], doorbell_gpa(class));
	close(vm->doorbell_fd[class]);
	close(vm->irq_fd[class]); /* the last reference but KVM's: it drops the irqfd */
	vm->doorbell_fd[class] = vm->irq_fd[class] = -1;
	return result;
}

/* A doorbell and an interrupt for each pledged class, for no other. */
static int init_windows(struct ceno_vm *vm)
{
	int result = 0;
	for (uint32_t class = 0; class < CENO_PLEDGE_COUNT && !result; class ++) {
		bool pledged = vm->pledge_mask & 1u << class, open = vm->doorbell_fd[class] >= 0;
		if (pledged && !open)
			result = open_window(vm, class);
		else if (open && !pledged)
			result = close_window(vm, class);
	}
	return result;
}

static int init_vcpu(struct ceno_vm *vm, const struct ceno_vmm_launch *launch)
{
	int result = ceno_kvm_vcpu_reset(&vm->kvm, &launch->regs);
	if (!result && vm->vcpu.step)
		result = ceno_step_arm(vm->vcpu.step, &vm->kvm, &vm->slots);
	return result;
}

static void undo(struct ceno_vm *vm)
{
	for (uint32_t class = 0; class < CENO_PLEDGE_COUNT; class ++) {
		if (vm->doorbell_fd[class] >= 0)
			close(vm->doorbell_fd[class]);
		if (vm->irq_fd[class] >= 0)
			close(vm->irq_fd[class]);
	}
	ceno_kvm_fini(&vm->kvm);
	ceno_slots_unmap(&vm->slots);
}

static int add_node_slots(struct ceno_vm *vm, const int fd[CENO_VMM_FD_END])
{
	for (uint32_t which = CENO_VMM_FD_FIRMWARE; which <= CENO_VMM_FD_BUNDLE; which++) {
		struct ceno_vmm_slot slot;
		struct stat st;
		if (fstat(fd[which], &st) < 0)
			return -errno;
		if (ceno_launch_node_slot(which, (uint64_t)st.st_size, &slot))
			return -EINVAL;
		int result = ceno_slots_add(&vm->slots, &vm->kvm, &slot, fd[which]);
		if (result)
			return result;
	}
	return 0;
}

/* The node's slots are there already and must be what the record says. */
static int add_session_slots(struct ceno_vm *vm, const struct ceno_vmm_launch *launch, const int fd[CENO_VMM_FD_END])
{
	for (uint32_t i = 0; i < launch->slot_count; i++) {
		const struct ceno_vmm_slot *slot = &launch->slots[i];
		const struct ceno_slot_map *map = ceno_slots_find(&vm->slots, slot->fd);
		int result = 0;
		if (!map)
			result = ceno_slots_add(&vm->slots, &vm->kvm, slot, fd[slot->fd]);
		else if (map->bytes != slot->bytes)
			result = -EOVERFLOW;
		if (result)
			return result;
	}
	return 0;
}

static int build_node(struct ceno_vm *vm, const int fd[CENO_VMM_FD_END])
{
	int result;
	vm->failed = "create the virtual machine";
	if ((result = ceno_kvm_vm_create(&vm->kvm, fd[CENO_VMM_FD_KVM])))
		return result;
	vm->failed = "restrict the model-specific registers";
	result = ceno_kvm_msr_restrict(&vm->kvm);
	if (result && result != -ENOTSUP)
		return result;
	vm->msr_exits = result == 0;
	vm->failed = "install the node's slots";
	if ((result = add_node_slots(vm, fd)))
		return result;
	vm->failed = "route the windows' interrupts";
	if ((result = ceno_kvm_route_windows(&vm->kvm, CENO_PLEDGE_COUNT)))
		return result;
	/* Nearly every session pledges it. The end of a VM waits until KVM has dropped, in its own time, what
	 * each new doorbell replaced: a short session would wait for that of its launch. */
	vm->failed = "install the doorbell of stdio";
	if ((result = open_window(vm, CENO_PLEDGE_STDIO)))
		return result;
	vm->failed = "create the vCPU";
	if ((result = ceno_kvm_vcpu_create(&vm->kvm)))
		return result;
	vm->failed = "start the vCPU thread";
	return ceno_vcpu_start(&vm->vcpu);
}

int ceno_vm_prepare(struct ceno_vm *vm, const int fd[CENO_VMM_FD_END], void (*parked)(void *owner), void *owner,
                    struct ceno_step *step)
{
	memset(vm, 0, sizeof(*vm));
	vm->kvm = (struct ceno_kvm){ .vm_fd = -1, .vcpu_fd = -1 };
	for (uint32_t class = 0; class < CENO_PLEDGE_COUNT; class ++)
		vm->doorbell_fd[class] = vm->irq_fd[class] = -1;
	vm->vcpu.kvm = &vm->kvm;
	vm->vcpu.slots = &vm->slots;
	vm->vcpu.step = step;
	vm->vcpu.parked = parked;
	vm->vcpu.owner = owner;
	int result = build_node(vm, fd);
	if (result)
		undo(vm);
	else
		vm->failed = NULL;
	return result;
}

static int build_session(struct ceno_vm *vm, const struct ceno_vmm_launch *launch, const int fd[CENO_VMM_FD_END])
{
	int result;
	vm->failed = "install the session's slots";
	if ((result = add_session_slots(vm, launch, fd)))
		return result;
	vm->failed = "install the doorbells";
	if ((result = init_windows(vm)))
		return result;
	vm->failed = "set the vCPU's registers";
	return init_vcpu(vm, launch);
}

int ceno_vm_complete(struct ceno_vm *vm, const struct ceno_vmm_launch *launch, const int fd[CENO_VMM_FD_END])
{
	vm->pledge_mask = launch->pledge_mask;
	int result = build_session(vm, launch, fd);
	if (result) {
		ceno_vcpu_end(&vm->vcpu);
		undo(vm);
	} else {
		vm->failed = NULL;
	}
	return result;
}

void ceno_vm_seal(struct ceno_vm *vm)
{
	ceno_kvm_seal(&vm->kvm);
}

void ceno_vm_fini(struct ceno_vm *vm)
{
	ceno_vcpu_end(&vm->vcpu);
	undo(vm);
}
