// Texts that the browser keeps for the page by name. One that is told to keep nothing refuses; then they last as long as the page is open.
function keeper(storage: () => Storage) {
  const meanwhile = new Map<string, string>();
  return {
    get(name: string): string | null {
      try {
        return meanwhile.get(name) ?? storage().getItem(name);
      } catch {
        return meanwhile.get(name) ?? null;
      }
    },
    set(name: string, text: string) {
      try {
        storage().setItem(name, text);
        meanwhile.delete(name);
      } catch {
        meanwhile.set(name, text);
      }
    },
  };
}

export const browserStorage = keeper(() => localStorage);
export const tabStorage = keeper(() => sessionStorage);
