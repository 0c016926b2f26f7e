import type { ProductOptions } from './buy-with-prime/buy-with-prime-options.ts';

/** What each example shop sells. No tax, and every delivery is free: an order costs the sum of its prices. */
const PRODUCTS: readonly Omit<ProductOptions, 'account'>[] = [
  { productId: 'example-mug', sku: 'MUG-01', title: 'Enamel Mug', price: '12.50' },
  { productId: 'example-lamp', sku: 'LAMP-01', title: 'Brass Desk Lamp', price: '39.99', deliveryDays: 1 },
  { productId: 'example-kettle', sku: 'KETTLE 1.2 l / 01', title: 'Tea Kettle', price: '54.00', deliveryDays: 3 },
  { productId: 'example-poster', sku: 'POSTER-01', title: 'Harbour Poster', price: '9.00', prime: false },
  { productId: 'example-bench', sku: 'BENCH-01', title: 'Oak Bench', price: '189.00', prime: false, deliveryDays: 9 },
];

/** The example catalogue of each account: products that are delivered with Prime, and some that are not. */
export function exampleProducts(accounts: readonly string[]): ProductOptions[] {
  return accounts.flatMap((account) => PRODUCTS.map((product) => ({ account, ...product })));
}
