/** The element of index.html with this id, which must be of this class. */
export function byId<T extends Element>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`index.html has no ${type.name} '${id}'`);
  return found;
}

/** A menu's options: values with what is shown, and which cannot be taken. */
export interface MenuItem {
  value: string;
  label: string;
  disabled?: boolean;
}

/** Replaces a menu's options; the choice stays where it can. */
export function fillMenu(menu: HTMLSelectElement, items: readonly MenuItem[]): void {
  const before = menu.value;
  menu.replaceChildren(
    ...items.map(({ value, label, disabled = false }) => {
      const option = new Option(label, value);
      option.disabled = disabled;
      return option;
    }),
  );
  if (items.some(({ value }) => value === before)) menu.value = before;
  menu.disabled = items.length === 0;
}
